//! The connections of a listener: a bounded number, each with a bound on slow heads, drained when the process stops.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The most connections at a time; more wait in the operating system's queue.
const CONNECTIONS_MAX: usize = 2048;
/// How long a client may take to send a request's head, and an open connection may be unused.
const HEAD_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait when the process has no file descriptors left.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(200);

pub(super) struct Connections {
    listener: TcpListener,
    router: Router,
    free: Arc<Semaphore>,
    open: TaskTracker,
    draining: CancellationToken,
    aborting: CancellationToken,
}

impl Connections {
    pub(super) fn new(listener: TcpListener, router: Router) -> Self {
        Self {
            listener,
            router,
            free: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            open: TaskTracker::new(),
            draining: CancellationToken::new(),
            aborting: CancellationToken::new(),
        }
    }

    /// Accepts connections for ever. Cancel safe: a connection is either served or not yet accepted.
    pub(super) async fn accept(&mut self) -> Infallible {
        loop {
            let permit = Arc::clone(&self.free)
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            match self.listener.accept().await {
                Ok((stream, _peer)) => {
                    let serve = serve(stream, self.router.clone(), self.draining.clone());
                    let aborting = self.aborting.clone();
                    self.open.spawn(async move {
                        aborting.run_until_cancelled_owned(serve).await;
                        drop(permit);
                    });
                }
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
    pub(super) async fn drain(self, timeout: Duration) {
        drop(self.listener);
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

async fn serve(stream: TcpStream, router: Router, draining: CancellationToken) {
    // Answers are small and complete: waiting to fill a packet only delays them.
    let _unchanged = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_READ_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = draining.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A client that went away or sent what is not HTTP: its fault, told only to who looks for it.
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection broke off");
    }
}
