//! Free ports on the loopback address.

use std::net::{Ipv4Addr, TcpListener};

/// Below the ports that Linux gives to outgoing connections (from 32768), so that none of these takes a port between
/// its choice and its use.
const FIRST: u16 = 15_000;
const COUNT: u16 = 17_000;
const TRIES_MAX: u32 = 200;

/// Tells whether a server could listen on the port now.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Picks a free port on the loopback address, at random so that processes that pick at the same time hardly meet; one that no
/// outgoing connection takes meanwhile. None when there is none.
pub fn pick() -> Option<u16> {
    (0..TRIES_MAX).map(|_| random_port()).find(|port| is_free(*port))
}

/// Gives the remembered port if it is free, else another one.
pub(crate) fn prefer(remembered: Option<u16>) -> Option<u16> {
    remembered.filter(|port| is_free(*port)).or_else(pick)
}

fn random_port() -> u16 {
    let random = uuid::Uuid::new_v4();
    let bytes = random.as_bytes();
    FIRST + u16::from_le_bytes([bytes[0], bytes[1]]) % COUNT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_not_picked_again() {
        let port = pick().unwrap();
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(!is_free(port));
        assert_ne!(prefer(Some(port)).unwrap(), port);
    }
}
