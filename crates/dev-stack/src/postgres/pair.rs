//! A primary and its synchronous standby, which takes over when the primary is taken away.

use std::path::Path;
use std::thread;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::sleep;

use super::{ADMIN, PostgresServer};
use crate::account::Account;
use crate::binaries::PostgresBinaries;
use crate::error::StartError;
use crate::instance::{Instance, Keeping, Outage, Replicas, Tool};
use crate::place::Place;

/// How long a primary that was replaced goes on before it is ended.
const STALE: Duration = Duration::from_secs(2);

const FOLLOW_POLL: Duration = Duration::from_millis(50);

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
        let mut primary = PostgresServer::start_as(outer.make_below("server0")?, available, keeping, true)?;
        let standby = outer
            .make_below("server1")
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

    /// Makes what was the primary a standby. Until that is done, it has no data of use to anybody.
    fn begin_anew(&mut self) -> Result<(), StartError> {
        let [primary, standby] = &mut self.servers;
        standby.follow(&primary.as_primary())?;
        self.was_replaced = false;
        Ok(())
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
        let [primary, standby] = &mut self.servers;
        primary.start_again()?;
        match self.was_replaced {
            true => self.begin_anew(),
            false => standby.start_again(),
        }
    }

    /// The primary first: it waits until its standby has everything.
    fn stop(&mut self) {
        self.servers.iter_mut().for_each(Instance::stop);
    }

    fn kill(&mut self) {
        self.servers.iter_mut().for_each(Instance::kill);
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
            if let Err(error) = self.servers[1].promote() {
                self.servers[0].signal_all("CONT");
                return Err(error);
            }
            self.servers.swap(0, 1);
            self.was_replaced = true;
        }
        Ok(())
    }

    /// A primary that was replaced goes on for a moment where it hung, and begins anew as the other's standby.
    fn bring_back(&mut self, _number: usize, how: Outage) -> Result<(), StartError> {
        let standby = &mut self.servers[1];
        match how {
            Outage::Killed if self.was_replaced => {}
            Outage::Killed => standby.start_again()?,
            Outage::Frozen | Outage::CutOff => standby.signal_all("CONT"),
        }
        if self.was_replaced {
            if how != Outage::Killed {
                thread::sleep(STALE);
            }
            self.begin_anew()?;
        }
        Ok(())
    }
}

/// Waits until the standby has applied all that the primary has now; which of the servers at these urls is which is found out.
pub(crate) async fn until_followed(urls: &[String]) {
    // A standby refuses to say where it writes.
    let written = until_answered(urls, "SELECT pg_current_wal_lsn()::text").await;
    let applied = format!(
        "SELECT application_name FROM pg_stat_replication WHERE sync_state = 'sync' AND replay_lsn >= '{written}'::pg_lsn"
    );
    until_answered(urls, &applied).await;
}

/// Asks the servers until one has an answer.
async fn until_answered(urls: &[String], question: &str) -> String {
    loop {
        for url in urls {
            let asked = async {
                let mut connection = PgConnection::connect(url).await?;
                sqlx::query_scalar(question).fetch_one(&mut connection).await
            };
            if let Ok(answer) = asked.await {
                return answer;
            }
        }
        sleep(FOLLOW_POLL).await;
    }
}
