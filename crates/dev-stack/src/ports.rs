//! Free ports on the loopback address, kept from others for as long as they are wanted.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use tokio::net::TcpSocket;

/// Below the ports that Linux gives to outgoing connections (from 32768), so that none of these takes a port between
/// its choice and its use.
const FIRST: u16 = 15_000;
const COUNT: u16 = 17_000;
const TRIES_MAX: u32 = 200;

/// A port on the loopback address that is kept from everybody who looks for a free one, in whichever process, while this value
/// lives: also while the server that it was chosen for is down. That server listens on it all the same, for it sets
/// `SO_REUSEADDR`, as servers do.
#[derive(Debug)]
pub struct ReservedPort {
    number: u16,
    /// Bound to the port, and never listening: connections are refused while nobody else does.
    _bound: TcpSocket,
}

impl ReservedPort {
    /// Picks a free port at random. None when there is none.
    pub fn pick() -> Option<Self> {
        (0..TRIES_MAX).find_map(|_| Self::take(random_port()).ok())
    }

    /// The port.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Takes a port that nobody else has taken, and on which nobody listens.
    fn take(number: u16) -> io::Result<Self> {
        let bound = TcpSocket::new_v4()?;
        // Without reuse this fails beside any other socket on the port: of two who try, one has it.
        bound.set_reuseaddr(false)?;
        bound.bind(address(number))?;
        // From now on a server that sets it too may listen there.
        bound.set_reuseaddr(true)?;
        Ok(Self { number, _bound: bound })
    }

    /// Takes a port where connections of a server that has ended may be left. Whoever else has reserved it does not notice.
    fn take_back(number: u16) -> io::Result<Self> {
        let bound = TcpSocket::new_v4()?;
        bound.set_reuseaddr(true)?;
        bound.bind(address(number))?;
        Ok(Self { number, _bound: bound })
    }
}

/// The ports of one server, or of several.
#[derive(Debug, Default)]
pub(crate) struct Reserved(Vec<ReservedPort>);

impl Reserved {
    /// Gives the remembered port if nobody listens there, else another one; either is reserved from now on. None when there is
    /// no free port.
    pub(crate) fn prefer(&mut self, remembered: Option<u16>) -> Option<u16> {
        let number = remembered.filter(|number| self.keeps(*number)).or_else(|| {
            let picked = ReservedPort::pick()?;
            let number = picked.number;
            self.0.push(picked);
            Some(number)
        })?;
        // One that was lost to somebody else is of no use any more.
        self.0
            .retain(|port| port.number == number || Some(port.number) != remembered);
        Some(number)
    }

    fn keeps(&mut self, number: u16) -> bool {
        let is_known = self.0.iter().any(|port| port.number == number);
        if !is_known {
            let taken = ReservedPort::take(number).or_else(|_in_use| ReservedPort::take_back(number));
            self.0.extend(taken.ok());
        }
        is_free(number)
    }
}

/// Tells whether a server could listen on the port now.
fn is_free(port: u16) -> bool {
    TcpListener::bind(address(port)).is_ok()
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn random_port() -> u16 {
    let random = uuid::Uuid::new_v4();
    let bytes = random.as_bytes();
    FIRST + u16::from_le_bytes([bytes[0], bytes[1]]) % COUNT
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;
    use crate::process::poll;

    /// A listener that is closed lives on for a moment in the processes that other tests are about to start.
    fn soon<T>(attempt: impl FnMut() -> Option<T>) -> Option<T> {
        poll(Duration::from_secs(60), attempt)
    }

    #[test]
    fn a_port_on_which_somebody_listens_is_not_picked_again() {
        let port = ReservedPort::pick().unwrap().number();
        let _listener = TcpListener::bind(address(port)).unwrap();
        assert!(ReservedPort::take(port).is_err());
        assert_ne!(Reserved::default().prefer(Some(port)).unwrap(), port);
    }

    #[test]
    fn a_reserved_port_is_its_servers_over_all_restarts_and_nobody_else_picks_it() {
        let port = ReservedPort::pick().unwrap();
        for _ in 0..2 {
            assert!(ReservedPort::take(port.number()).is_err(), "no other run picks it");
            let listener = soon(|| TcpListener::bind(address(port.number())).ok()).expect("its server listens");
            TcpStream::connect(address(port.number())).expect("and is connected to");
            drop(listener);
        }
        let is_refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        let refused = soon(|| {
            TcpStream::connect(address(port.number()))
                .err()
                .is_some_and(is_refused)
                .then_some(())
        });
        assert_eq!(refused, Some(()), "it only holds the place");
        let number = port.number();
        drop(port);
        assert_eq!(
            Reserved::default().prefer(Some(number)),
            Some(number),
            "also with connections left"
        );
    }

    #[test]
    fn a_server_keeps_its_port_until_somebody_else_listens_there() {
        let mut reserved = Reserved::default();
        let port = reserved.prefer(None).unwrap();
        assert_eq!(reserved.prefer(Some(port)), Some(port));
        let _listener = TcpListener::bind(address(port)).unwrap();
        let other = reserved.prefer(Some(port)).unwrap();
        assert_ne!(other, port);
        assert_eq!(reserved.0.len(), 1, "the lost one is given up");
    }
}
