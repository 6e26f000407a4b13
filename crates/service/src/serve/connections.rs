//! The connections of a listener: a bounded number, each with a bound on slow clients, drained when the process stops.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Limits;
use super::slow_reader::BoundedWrites;
use crate::http_metrics::Load;

/// How long to wait when the process has no file descriptors left.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(200);

/// How long a new connection is left open for its first request when the process stops. The library closes a connection that
/// has sent nothing at once, and a client that has just connected is about to send something.
const FIRST_REQUEST_GRACE: Duration = Duration::from_millis(500);

pub(super) struct Connections {
    listener: TcpListener,
    accepted: Accepted,
}

impl Connections {
    pub(super) fn new(listener: TcpListener, router: Router, limits: Limits, load: Arc<Load>) -> Self {
        let accepted = Accepted {
            router,
            limits,
            load,
            free: Arc::new(Semaphore::new(limits.connections_max)),
            open: TaskTracker::new(),
            draining: CancellationToken::new(),
            aborting: CancellationToken::new(),
        };
        Self { listener, accepted }
    }

    /// Accepts connections for ever. Cancel safe: a connection is either served or not yet accepted.
    pub(super) async fn accept(&mut self) -> Infallible {
        loop {
            let permit = self.accepted.permit().await;
            match self.listener.accept().await {
                Ok((stream, _peer)) => self.accepted.serve(stream, ready(permit)),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a connection could not be accepted"
                    );
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                }
            }
        }
    }

    /// Closes the listener, lets each connection answer its request in flight, then closes what is still open.
    ///
    /// A connection that the system has taken and this process has not accepted yet is one of them. Closing the listener
    /// would reset it; its client may have sent a command, and could not tell if the command was carried out.
    pub(super) async fn drain(self, timeout: Duration) {
        let Self { listener, accepted } = self;
        for stream in close(listener) {
            accepted.serve(stream, accepted.permit());
        }
        accepted.drain(timeout).await;
    }
}

/// Closes a listener and gives the connections that waited to be accepted.
fn close(listener: TcpListener) -> Vec<TcpStream> {
    let mut waiting = Vec::new();
    // The asynchronous listener knows of a connection only after its reactor has: the system is asked instead.
    if let Ok(listener) = listener.into_std() {
        while let Ok((stream, _peer)) = listener.accept() {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            waiting.extend(stream);
        }
    }
    waiting
}

/// The connections that were accepted, and how they are served.
struct Accepted {
    router: Router,
    limits: Limits,
    load: Arc<Load>,
    free: Arc<Semaphore>,
    open: TaskTracker,
    draining: CancellationToken,
    aborting: CancellationToken,
}

impl Accepted {
    /// Waits until another connection may be served.
    fn permit(&self) -> impl Future<Output = OwnedSemaphorePermit> + Send + 'static {
        let permit = Arc::clone(&self.free).acquire_owned();
        async { permit.await.expect("the semaphore is never closed") }
    }

    /// Serves a connection once it has its permit, which it gives back when it ends.
    fn serve(&self, stream: TcpStream, permit: impl Future<Output = OwnedSemaphorePermit> + Send + 'static) {
        let serve = serve(stream, self.router.clone(), self.limits, self.draining.clone());
        let aborting = self.aborting.clone();
        let counted = self.load.connection();
        self.open.spawn(async move {
            let served = async {
                let permit = permit.await;
                serve.await;
                drop(permit);
            };
            aborting.run_until_cancelled_owned(served).await;
            drop(counted);
        });
    }

    async fn drain(self, timeout: Duration) {
        self.draining.cancel();
        self.open.close();
        if tokio::time::timeout(timeout, self.open.wait()).await.is_err() {
            tracing::warn!(
                connections = self.open.len(),
                "requests were not answered in time and are broken off"
            );
            self.aborting.cancel();
            self.open.wait().await;
        }
    }
}

async fn serve(stream: TcpStream, router: Router, limits: Limits, draining: CancellationToken) {
    // Answers are small and complete: waiting to fill a packet only delays them.
    let _unchanged = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_read_timeout)
        .serve_connection(
            TokioIo::new(BoundedWrites::new(stream, limits.answer_write_timeout)),
            TowerToHyperService::new(router),
        );
    let mut connection = std::pin::pin!(connection);
    let has_had_time = Instant::now() + FIRST_REQUEST_GRACE;
    let to_be_closed = async {
        draining.cancelled().await;
        sleep_until(has_had_time).await;
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = to_be_closed => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A client that went away or sent what is not HTTP: its fault, told only to who looks for it.
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection broke off");
    }
}
