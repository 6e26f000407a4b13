//! Between a client and the broker: blocks the connection as a broker with a memory alarm does.
//!
//! The alarm of a real broker is the whole node's and would block every test that runs beside. So this sends the client
//! the broker's own `connection.blocked`, between two frames, and stops reading from the client until it unblocks.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// `connection.blocked` (class 10, method 60) with an empty reason, and `connection.unblocked`, on channel 0.
const BLOCKED: [u8; 13] = [1, 0, 0, 0, 0, 0, 5, 0, 10, 0, 60, 0, 0xCE];
const UNBLOCKED: [u8; 12] = [1, 0, 0, 0, 0, 0, 4, 0, 10, 0, 61, 0xCE];
const FRAME_HEADER_BYTES: usize = 7;
const FRAMES_MAX: usize = 64;

/// Forwards connections to one broker.
pub(crate) struct BlockingProxy {
    url: String,
    blocked: Arc<watch::Sender<bool>>,
    _accepting: AbortOnDropHandle<()>,
}

impl BlockingProxy {
    /// Starts a proxy to the broker of a url.
    pub(crate) async fn to_url(url: &str) -> Self {
        let (before, rest) = url.split_once('@').expect("a url with a user");
        let (server, path) = rest.split_once('/').expect("a url with a vhost");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let blocked = Arc::new(watch::Sender::new(false));
        let accepting = tokio::spawn(accept(listener, server.to_owned(), blocked.clone()));
        let accepting = AbortOnDropHandle::new(accepting);
        Self {
            url: format!("{before}@{address}/{path}"),
            blocked,
            _accepting: accepting,
        }
    }

    /// The url by way of the proxy.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Blocks all connections, or unblocks them.
    pub(crate) fn block(&self, block: bool) {
        self.blocked.send_replace(block);
    }
}

async fn accept(listener: TcpListener, server: String, blocked: Arc<watch::Sender<bool>>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let Ok(broker) = TcpStream::connect(&server).await else {
            continue;
        };
        let (from_client, to_client) = client.into_split();
        let (from_broker, to_broker) = broker.into_split();
        let (frames, received) = mpsc::channel(FRAMES_MAX);
        connections.spawn(read_frames(from_broker, frames));
        connections.spawn(answer(received, to_client, blocked.subscribe()));
        connections.spawn(listen(from_client, to_broker, blocked.subscribe()));
    }
}

async fn read_frames(mut broker: OwnedReadHalf, frames: mpsc::Sender<Vec<u8>>) {
    loop {
        let mut frame = vec![0; FRAME_HEADER_BYTES];
        if broker.read_exact(&mut frame).await.is_err() {
            return;
        }
        let size = u32::from_be_bytes([frame[3], frame[4], frame[5], frame[6]]) as usize;
        frame.resize(FRAME_HEADER_BYTES + size + 1, 0);
        if broker.read_exact(&mut frame[FRAME_HEADER_BYTES..]).await.is_err() || frames.send(frame).await.is_err() {
            return;
        }
    }
}

async fn answer(mut frames: mpsc::Receiver<Vec<u8>>, mut client: OwnedWriteHalf, mut blocked: watch::Receiver<bool>) {
    loop {
        let written = tokio::select! {
            Ok(()) = blocked.changed() => {
                let frame: &[u8] = if *blocked.borrow_and_update() { &BLOCKED } else { &UNBLOCKED };
                client.write_all(frame).await
            }
            frame = frames.recv() => match frame {
                Some(frame) => client.write_all(&frame).await,
                None => return,
            },
        };
        if written.is_err() {
            return;
        }
    }
}

async fn listen(mut client: OwnedReadHalf, mut broker: OwnedWriteHalf, mut blocked: watch::Receiver<bool>) {
    let mut bytes = vec![0; 16 * 1024];
    while blocked.wait_for(|blocked| !blocked).await.is_ok() {
        let read = client.read(&mut bytes).await.unwrap_or(0);
        if read == 0
            || blocked.wait_for(|blocked| !blocked).await.is_err()
            || broker.write_all(&bytes[..read]).await.is_err()
        {
            return;
        }
    }
}
