//! Opening a connection and a channel, and waiting for the broker no longer than it deserves.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use lapin::runtime::default_runtime;
use lapin::tcp::AMQPUriTcpExt;
use lapin::types::FrameSize;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Channel, Connection, ConnectionProperties};
use metrics::counter;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::amqp_url::address;
use crate::trust::Trust;
use crate::{AmqpUrl, BusError, metric_names};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For one node of several: the next one is asked sooner.
const CONNECT_TIMEOUT_OF_SEVERAL: Duration = Duration::from_secs(3);
/// For every question the broker answers: declare, bind, consume.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);
/// Closing is a courtesy; a process that stops does not wait long for it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Asked of the broker when the URL has none (`?heartbeat=`): a silent peer is given up after twice as long.
const HEARTBEAT_SECONDS: u16 = 10;
/// An attempt to connect cannot be called off: its thread waits until the broker answers or the socket ends. A broker
/// that is frozen must not collect them. Each node has its own, so that a frozen one takes none from the others.
const ATTEMPTS_PENDING_MAX: usize = 16;
static ATTEMPTS: Mutex<BTreeMap<String, Arc<Semaphore>>> = Mutex::new(BTreeMap::new());

/// Opens a connection, named for the broker's lists. The name must not be longer than the broker shows, about 100
/// characters. Frames are as large as URL (`?frame_max=`) and broker allow, or smaller if `frame_bytes_max` says so.
///
/// The nodes of a cluster are asked one after the other, beginning with another one each time: connections spread over
/// them, and one that is away is passed over.
pub(crate) async fn connect(
    url: &AmqpUrl,
    name: &str,
    frame_bytes_max: Option<FrameSize>,
) -> Result<Connection, BusError> {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let nodes = url.uris();
    if let [only] = nodes {
        return connect_to((only, url.trust()), CONNECT_TIMEOUT, name, frame_bytes_max).await;
    }
    // Processes begin with different nodes, too.
    let first = std::process::id() as usize % nodes.len() + TURN.fetch_add(1, Ordering::Relaxed) % nodes.len();
    let mut failures = Vec::new();
    for uri in nodes.iter().cycle().skip(first).take(nodes.len()) {
        match connect_to((uri, url.trust()), CONNECT_TIMEOUT_OF_SEVERAL, name, frame_bytes_max).await {
            Ok(connection) => return Ok(connection),
            Err(error) => failures.push(format!("{}: {}", address(uri), with_sources(&error))),
        }
    }
    Err(BusError::NoNode {
        failures: failures.join("; "),
    })
}

async fn connect_to(
    (uri, trust): (&AMQPUri, &Trust),
    limit: Duration,
    name: &str,
    frame_bytes_max: Option<FrameSize>,
) -> Result<Connection, BusError> {
    let permit = attempts_at(address(uri))
        .try_acquire_owned()
        .map_err(|_| BusError::AttemptsPending {
            pending: ATTEMPTS_PENDING_MAX,
        })?;
    let mut uri = uri.clone();
    uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
    uri.query.frame_max = uri.query.frame_max.or(frame_bytes_max);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let trust = trust.clone();
    // A task of its own: an attempt that was given up ends there, and the connection it may still bring is closed.
    let attempt = tokio::spawn(async move {
        let connected = open(uri, trust, properties).await;
        drop(permit);
        connected
    });
    let connected = match timeout(limit, attempt).await {
        Err(_) => return Err(timed_out("the connection", limit)),
        Ok(Err(ended)) => Err(lapin::Error::from(io::Error::other(ended))),
        Ok(Ok(connected)) => connected,
    };
    let connection = connected.map_err(|source| BusError::Connect { source })?;
    counter!(metric_names::CONNECTIONS_OPENED, metric_names::CONNECTION => Arc::<str>::from(name)).increment(1);
    Ok(connection)
}

/// Opens a connection to whom `trust` believes; without TLS nobody has to prove anything.
async fn open(uri: AMQPUri, trust: Trust, properties: ConnectionProperties) -> lapin::Result<Connection> {
    if uri.scheme == AMQPScheme::AMQP {
        return Connection::connect_uri(uri, properties).await;
    }
    // Reading certificates is work for the disk.
    let connector = tokio::task::spawn_blocking(move || trust.connector()).await;
    let connector = connector.map_err(io::Error::other).and_then(|connector| connector)?;
    Connection::connector(
        uri,
        default_runtime()?,
        async move |uri, runtime| {
            let plain = AMQPUri {
                scheme: AMQPScheme::AMQP,
                ..uri.clone()
            };
            let stream = AMQPUriTcpExt::connect_async(&plain, &runtime).await?;
            Ok(stream.into_rustls(&connector, &uri.authority.host).await?)
        },
        properties,
    )
    .await
}

fn attempts_at(address: String) -> Arc<Semaphore> {
    let mut attempts = ATTEMPTS.lock().unwrap_or_else(PoisonError::into_inner);
    let of_node = attempts
        .entry(address)
        .or_insert_with(|| Arc::new(Semaphore::new(ATTEMPTS_PENDING_MAX)));
    Arc::clone(of_node)
}

/// An error with its chain of sources, in one line.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |source| source.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}

pub(crate) async fn open_channel(connection: &Connection) -> Result<Channel, BusError> {
    within("channel.open", connection.create_channel()).await
}

/// Waits for an answer of the broker.
pub(crate) async fn within<T>(
    operation: &'static str,
    answer: impl Future<Output = lapin::Result<T>>,
) -> Result<T, BusError> {
    match timeout(OPERATION_TIMEOUT, answer).await {
        Err(_) => Err(timed_out(operation, OPERATION_TIMEOUT)),
        Ok(Err(source)) => Err(BusError::Lost { source }),
        Ok(Ok(value)) => Ok(value),
    }
}

/// A connection that is closed when it is dropped.
///
/// The library's own lives on while the broker owes it an answer. A consumer that comes of a late answer would get
/// deliveries and be read by nobody.
pub(crate) struct ClosedOnDrop(pub(crate) Connection);

impl Deref for ClosedOnDrop {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl Drop for ClosedOnDrop {
    fn drop(&mut self) {
        let _ = self.0.close(200, "OK".into()).now_or_never();
    }
}

/// Closes a channel and its connection, in that order, without waiting for the answers.
///
/// For `Drop`: the first poll of each puts its frame on the way. A consumer that is dropped while its channel is open
/// would send `basic.cancel`, which lets a second consumer in while this one still holds messages.
pub(crate) fn close_at_once(channel: &Channel, connection: &Connection) {
    let _ = channel.close(200, "OK".into()).now_or_never();
    let _ = connection.close(200, "OK".into()).now_or_never();
}

/// Closes a channel and its connection and waits a moment for the answers; a failure means that they are gone already.
pub(crate) async fn close(channel: &Channel, connection: &Connection) {
    let closed = async {
        channel.close(200, "OK".into()).await?;
        connection.close(200, "OK".into()).await
    };
    match timeout(CLOSE_TIMEOUT, closed).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the connection was gone before it was closed"),
        Err(_) => tracing::debug!("the broker did not answer the closing of a connection"),
    }
}

pub(crate) fn timed_out(operation: &'static str, limit: Duration) -> BusError {
    BusError::Timeout {
        operation,
        seconds: limit.as_secs(),
    }
}
