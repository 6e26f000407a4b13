//! A TCP proxy that breaks connections when somebody wants it.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const BUFFER_BYTES: usize = 16 * 1024;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the one who connected to the server behind the proxy.
    ToServer,
    /// From the server behind the proxy to the one who connected.
    ToClient,
}

/// Forwards connections to one server until told otherwise. Dropping it cuts everything.
#[derive(Debug)]
pub struct CutProxy {
    address: SocketAddr,
    control: Arc<Control>,
    accepting: AbortHandle,
}

#[derive(Debug)]
struct Control {
    refusing: AtomicBool,
    /// Counts the cuts; a connection ends when it moves.
    cuts: watch::Sender<u64>,
    /// By direction.
    frozen: [watch::Sender<bool>; 2],
    forwarded: [AtomicU64; 2],
    /// The bytes still let through in a direction before everything is cut.
    allowance: Mutex<Option<(Direction, u64)>>,
    open: AtomicUsize,
    accepted: AtomicUsize,
}

impl CutProxy {
    /// Starts a proxy on a free loopback port to a server named by `host:port`.
    ///
    /// # Errors
    ///
    /// When no port can be listened on.
    pub async fn to(server: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let control = Arc::new(Control {
            refusing: AtomicBool::new(false),
            cuts: watch::Sender::new(0),
            frozen: [watch::Sender::new(false), watch::Sender::new(false)],
            forwarded: [AtomicU64::new(0), AtomicU64::new(0)],
            allowance: Mutex::new(None),
            open: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn(accept(listener, server.to_owned(), Arc::clone(&control))).abort_handle();
        Ok(Self {
            address,
            control,
            accepting,
        })
    }

    /// Starts a proxy to the server of a url, which must name its port; gives the proxy and the url by way of it.
    ///
    /// # Errors
    ///
    /// When the url has no host and port, or no port can be listened on.
    pub async fn to_url(url: &str) -> io::Result<(Self, String)> {
        let mut url = Url::parse(url).map_err(io::Error::other)?;
        let (Some(host), Some(port)) = (url.host_str(), url.port()) else {
            return Err(io::Error::other("the url names no host and port"));
        };
        let proxy = Self::to(&format!("{host}:{port}")).await?;
        url.set_ip_host(proxy.address.ip())
            .and_then(|()| url.set_port(Some(proxy.address.port())))
            .map_err(|()| io::Error::other("the url takes no host and port"))?;
        Ok((proxy, url.into()))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections now; new ones are welcome.
    pub fn cut(&self) {
        self.control.cut();
    }

    /// Closes new connections at once, from now on or no more. Open ones stay.
    pub fn refuse(&self, refuse: bool) {
        self.control.refusing.store(refuse, Ordering::SeqCst);
    }

    /// Stops forwarding in both directions, or goes on; connections stay open, what arrives waits.
    pub fn freeze(&self, freeze: bool) {
        self.freeze_direction(Direction::ToServer, freeze);
        self.freeze_direction(Direction::ToClient, freeze);
    }

    /// Stops forwarding in one direction, or goes on.
    pub fn freeze_direction(&self, direction: Direction, freeze: bool) {
        self.control.frozen[direction as usize].send_replace(freeze);
    }

    /// Lets exactly `bytes` more through in this direction, over all connections together; what comes after them is
    /// lost and all connections are closed. With 0 bytes to the client: the server hears the request, the client never
    /// its answer. Happens once.
    pub fn cut_after_bytes(&self, direction: Direction, bytes: u64) {
        *self.control.allowance() = Some((direction, bytes));
    }

    /// Counts the bytes forwarded so far in this direction.
    pub fn forwarded_bytes(&self, direction: Direction) -> u64 {
        self.control.forwarded[direction as usize].load(Ordering::SeqCst)
    }

    /// Counts the connections open now.
    pub fn open_connections(&self) -> usize {
        self.control.open.load(Ordering::SeqCst)
    }

    /// Counts the connections ever accepted, refused ones left out.
    pub fn accepted_connections(&self) -> usize {
        self.control.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for CutProxy {
    fn drop(&mut self) {
        // The task owns the tasks of the connections and takes them along.
        self.accepting.abort();
    }
}

impl Control {
    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    fn allowance(&self) -> MutexGuard<'_, Option<(Direction, u64)>> {
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many of `wanted` bytes may pass, and whether everything is cut after them.
    fn admit(&self, direction: Direction, wanted: usize) -> (usize, bool) {
        let mut allowance = self.allowance();
        match *allowance {
            Some((limited, left)) if limited == direction => {
                let wanted_bytes = wanted as u64;
                if wanted_bytes <= left {
                    *allowance = Some((limited, left - wanted_bytes));
                    return (wanted, false);
                }
                *allowance = None;
                // Less than `wanted`, so it fits.
                (usize::try_from(left).unwrap_or(wanted), true)
            }
            _ => (wanted, false),
        }
    }

    async fn wait_thawed(&self, direction: Direction) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.frozen[direction as usize]
            .subscribe()
            .wait_for(|frozen| !frozen)
            .await;
    }
}

async fn accept(listener: TcpListener, server: String, control: Arc<Control>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((client, _)) if !control.refusing.load(Ordering::SeqCst) => {
                    control.accepted.fetch_add(1, Ordering::SeqCst);
                    connections.spawn(connection(client, server.clone(), Arc::clone(&control)));
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }
}

async fn connection(client: TcpStream, server: String, control: Arc<Control>) {
    let mut cuts = control.cuts.subscribe();
    let open = Open::count(&control);
    let Ok(Ok(server)) = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(&server)).await else {
        return;
    };
    // Small messages go on at once, as they came.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        _ = cuts.changed() => {}
        _ = async {
            tokio::join!(
                forward(from_client, to_server, Direction::ToServer, &control),
                forward(from_server, to_client, Direction::ToClient, &control),
            )
        } => {}
    }
    drop(open);
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, direction: Direction, control: &Control) {
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        control.wait_thawed(direction).await;
        let (admitted, cut) = control.admit(direction, read);
        // Counted first: who has seen the bytes sees them counted.
        control.forwarded[direction as usize].fetch_add(admitted as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..admitted]).await.is_err() {
            break;
        }
        if cut {
            control.cut();
            // The cut ends this connection from outside.
            std::future::pending::<()>().await;
        }
    }
    let _ = to.shutdown().await;
}

/// Counts a connection as open while it lives.
struct Open<'a>(&'a Control);

impl<'a> Open<'a> {
    fn count(control: &'a Control) -> Self {
        control.open.fetch_add(1, Ordering::SeqCst);
        Self(control)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends back what it gets.
    async fn echo() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        address
    }

    async fn exchange(stream: &mut TcpStream, text: &str) -> io::Result<String> {
        stream.write_all(text.as_bytes()).await?;
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).await?;
        Ok(String::from_utf8(answer).unwrap())
    }

    #[tokio::test]
    async fn bytes_go_through_and_are_counted() {
        let proxy = CutProxy::to(&echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(exchange(&mut stream, "hello").await.unwrap(), "hello");
        assert_eq!(proxy.forwarded_bytes(Direction::ToServer), 5);
        assert_eq!((proxy.open_connections(), proxy.accepted_connections()), (1, 1));
    }

    #[tokio::test]
    async fn a_cut_ends_what_is_open_and_welcomes_what_comes() {
        let proxy = CutProxy::to(&echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        exchange(&mut stream, "hello").await.unwrap();
        proxy.cut();
        exchange(&mut stream, "hello").await.unwrap_err();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(exchange(&mut stream, "again").await.unwrap(), "again");
    }

    #[tokio::test]
    async fn a_refused_connection_is_closed_at_once() {
        let proxy = CutProxy::to(&echo().await).await.unwrap();
        proxy.refuse(true);
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        exchange(&mut stream, "hello").await.unwrap_err();
        proxy.refuse(false);
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        exchange(&mut stream, "hello").await.unwrap();
    }

    #[tokio::test]
    async fn a_frozen_connection_keeps_its_bytes_until_it_thaws() {
        let proxy = CutProxy::to(&echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        proxy.freeze(true);
        {
            let answer = exchange(&mut stream, "hello");
            tokio::pin!(answer);
            tokio::time::timeout(Duration::from_millis(50), &mut answer)
                .await
                .unwrap_err();
            assert_eq!(proxy.forwarded_bytes(Direction::ToServer), 0);
            proxy.freeze(false);
            assert_eq!(answer.await.unwrap(), "hello");
        }
    }

    #[tokio::test]
    async fn exactly_the_allowed_bytes_arrive_before_the_cut() {
        let proxy = CutProxy::to(&echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        proxy.cut_after_bytes(Direction::ToServer, 3);
        exchange(&mut stream, "hello").await.unwrap_err();
        assert_eq!(proxy.forwarded_bytes(Direction::ToServer), 3);
    }

    #[tokio::test]
    async fn a_request_can_arrive_whose_answer_never_does() {
        let proxy = CutProxy::to(&echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        proxy.cut_after_bytes(Direction::ToClient, 0);
        exchange(&mut stream, "hello").await.unwrap_err();
        assert_eq!(proxy.forwarded_bytes(Direction::ToServer), 5);
        assert_eq!(proxy.forwarded_bytes(Direction::ToClient), 0);
    }

    #[tokio::test]
    async fn a_url_is_led_through_the_proxy() {
        let server = echo().await;
        let (proxy, url) = CutProxy::to_url(&format!("postgres://me:secret@{server}/data"))
            .await
            .unwrap();
        assert_eq!(url, format!("postgres://me:secret@{}/data", proxy.address()));
        assert!(CutProxy::to_url("postgres:///data").await.is_err());
    }
}
