//! The connections of a listener: a bounded number, each with a bound on slow clients, drained when the process stops.

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

use super::Limits;
use super::slow_reader::BoundedWrites;
use crate::http_metrics::Load;

/// How long to wait when the process has no file descriptors left.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(200);

pub(super) struct Connections {
    listener: TcpListener,
    router: Router,
    limits: Limits,
    load: Arc<Load>,
    free: Arc<Semaphore>,
    open: TaskTracker,
    draining: CancellationToken,
    aborting: CancellationToken,
}

impl Connections {
    pub(super) fn new(listener: TcpListener, router: Router, limits: Limits, load: Arc<Load>) -> Self {
        Self {
            listener,
            router,
            limits,
            load,
            free: Arc::new(Semaphore::new(limits.connections_max)),
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
                    let serve = serve(stream, self.router.clone(), self.limits, self.draining.clone());
                    let aborting = self.aborting.clone();
                    let counted = self.load.connection();
                    self.open.spawn(async move {
                        aborting.run_until_cancelled_owned(serve).await;
                        drop((counted, permit));
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
