//! A primary and its synchronous standby, which takes over when the primary is taken away.

use std::path::Path;
use std::thread;
use std::time::Duration;

use super::{ADMIN, PostgresServer};
use crate::account::Account;
use crate::binaries::PostgresBinaries;
use crate::error::StartError;
use crate::instance::{Instance, Keeping, Outage, Replicas, Tool};
use crate::place::Place;

/// How long a primary that was replaced goes on before it is ended.
const STALE: Duration = Duration::from_secs(2);

/// Both servers; 0 is the primary, 1 the standby, at any time.
#[derive(Debug)]
pub(crate) struct PostgresPair {
    servers: [PostgresServer; 2],
    /// Where they are, in the order of the url, which stays as they change places.
    ports: [u16; 2],
    /// What is now the standby was taken away as the primary, and has to begin anew.
    was_replaced: bool,
}

impl PostgresPair {
    /// Starts a fresh primary and its standby in the directory `name` of the home.
    ///
    /// # Errors
    ///
    /// As a server's; none runs then.
    pub(crate) fn start(
        home: &Path,
        name: &str,
        available: &[PostgresBinaries],
        keeping: Keeping,
    ) -> Result<Self, StartError> {
        let outer = Place::make(home, name, Account::for_server("postgres"))?;
        let place = |own: &str| {
            let mut place = Place::make(&outer.directory, own, outer.account.clone())?;
            // For those who look for all servers of a home.
            place.home.clone_from(&outer.home);
            Ok(place)
        };
        let mut primary = PostgresServer::start_as(place("server0")?, available, keeping, true)?;
        let standby = place("server1")
            .and_then(|place| PostgresServer::start_standby(place, available, keeping, &primary.as_primary()));
        match standby {
            Ok(standby) => Ok(Self {
                ports: [primary.port, standby.port],
                servers: [primary, standby],
                was_replaced: false,
            }),
            Err(error) => {
                primary.kill();
                Err(error)
            }
        }
    }
}

impl Instance for PostgresPair {
    fn url(&self) -> String {
        let [one, two] = self.ports;
        let password = &self.servers[0].password;
        format!("postgres://{ADMIN}:{password}@127.0.0.1:{one},127.0.0.1:{two}/postgres")
    }

    fn describe(&self) -> String {
        let [primary, standby] = self.servers.each_ref().map(Instance::describe);
        format!("{primary}\n  and its standby: {standby}")
    }

    /// The primary's, for as long as it is that.
    fn tools(&self) -> Vec<Tool> {
        self.servers[0].tools()
    }

    fn start_again(&mut self) -> Result<(), StartError> {
        self.servers.iter_mut().try_for_each(Instance::start_again)
    }

    /// The primary first: it waits until its standby has everything.
    fn stop(&mut self) {
        self.servers.iter_mut().for_each(Instance::stop);
    }

    /// The standby first, or it would be none.
    fn kill(&mut self) {
        self.servers.iter_mut().rev().for_each(Instance::kill);
    }

    fn replicas(&mut self) -> Option<&mut dyn Replicas> {
        Some(self)
    }
}

impl Replicas for PostgresPair {
    /// When it is the primary, the standby is promoted, and they change places.
    fn take_away(&mut self, number: usize, how: Outage) -> Result<(), StartError> {
        match how {
            Outage::Killed => self.servers[number].kill(),
            // To the other one that is the same.
            Outage::Frozen | Outage::CutOff => self.servers[number].signal_all("STOP"),
        }
        if number == 0 {
            self.servers[1].promote()?;
            self.servers.swap(0, 1);
            self.was_replaced = true;
        }
        Ok(())
    }

    /// A primary that was replaced goes on for a moment where it hung, and begins anew as the other's standby.
    fn bring_back(&mut self, _number: usize, how: Outage) -> Result<(), StartError> {
        let [primary, standby] = &mut self.servers;
        let was_replaced = std::mem::take(&mut self.was_replaced);
        match how {
            Outage::Killed if was_replaced => {}
            Outage::Killed => standby.start_again()?,
            Outage::Frozen | Outage::CutOff => standby.signal_all("CONT"),
        }
        if was_replaced {
            if how != Outage::Killed {
                thread::sleep(STALE);
            }
            standby.follow(&primary.as_primary())?;
        }
        Ok(())
    }
}
