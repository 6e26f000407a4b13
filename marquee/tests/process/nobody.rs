//! An address where nobody listens, for as long as this value lives.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// A port that is taken, so that nobody else can listen there, and refuses every connection.
pub(crate) struct Nobody(TcpSocket);

impl Nobody {
    pub(crate) fn take() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        Self(socket)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("an address")
    }
}
