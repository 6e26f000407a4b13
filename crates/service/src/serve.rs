//! Serving: all services on one listener, until the process is told to stop.
//!
//! States: serving -> draining (no new connections, requests in flight are answered) -> stopping (tasks are told to
//! stop and joined) -> stopped.
//! Guarantee: tasks outlive the last request, so whatever a handler has handed to a task is still worked on.
//! Failure: a task that ends by itself starts the same way down and makes [`serve`] return an error.

mod addressed;
mod connections;
mod host;
mod limits;
mod parameters;
mod router;
mod slow_reader;
mod tasks;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::http_metrics::{self, Load};
use crate::{BoxError, Check, Task};
use connections::Connections;
pub use limits::Limits;
use tasks::Tasks;

/// How long requests in flight have to be answered once the process is told to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(15);
/// How long tasks have to end once they are told to stop.
const TASKS_STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// How often what the metrics recorder has buffered is folded, scraped or not.
const METRICS_UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// A part of the system: its routes, the dependencies it asks for in `/readyz`, the loops it runs.
pub struct Service {
    /// The service's name, as its binary is called.
    pub name: &'static str,
    /// The names it answers for in the header `Marquee-Service`: its own, or those of the read models it serves.
    pub answers_for: Vec<&'static str>,
    /// Its routes, each with its documentation.
    pub router: OpenApiRouter,
    /// Its dependencies.
    pub checks: Vec<Check>,
    /// Its loops.
    pub tasks: Vec<Task>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("answers_for", &self.answers_for)
            .field("checks", &self.checks)
            .field("tasks", &self.tasks)
            .finish_non_exhaustive()
    }
}

/// Why serving ended other than by the wish of who started it.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A task ended although nobody had told it to.
    #[error("the task {0} ended by itself")]
    TaskEnded(&'static str),
    /// A task failed.
    #[error("the task {name} failed")]
    TaskFailed {
        /// Which one.
        name: &'static str,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// A task panicked.
    #[error("the task {0} panicked")]
    TaskPanicked(&'static str),
    /// A task went on after it had been told to stop, and was aborted.
    #[error("the task {0} did not stop in time")]
    TaskStuck(&'static str),
}

/// Serves all services on one listener until `shutdown` is cancelled or a task ends.
///
/// Adds `/livez`, `/readyz`, `/metrics`, `/openapi.json` and `/docs`. Then drains the requests in flight (15 s at most),
/// tells the tasks to stop, and joins them (15 s at most).
///
/// # Errors
/// [`ServeError`] names the first task that ended, failed or did not stop.
///
/// # Panics
/// When two services have the same route with the same method.
pub async fn serve(
    listener: TcpListener,
    services: Vec<Service>,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    serve_within(Limits::default(), listener, services, shutdown).await
}

/// As [`serve`], with other bounds than the default ones.
///
/// # Errors
/// As [`serve`].
///
/// # Panics
/// As [`serve`].
pub async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    services: Vec<Service>,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let _recorder = http_metrics::recorder();
    let address = listener.local_addr();
    let load = Arc::new(Load::of(address.as_ref().map(ToString::to_string).unwrap_or_default()));
    if let Ok(address) = address {
        for service in services.iter().flat_map(|service| &service.answers_for) {
            // The port that was really given, should any free one have been asked for.
            tracing::info!(%address, service, "serving");
        }
    }
    let (router, services_tasks) = router::assemble(services, limits, Arc::clone(&load));
    let mut tasks = Tasks::start(services_tasks);
    let mut connections = Connections::new(listener, router, limits, load);
    let ended = tokio::select! {
        never = connections.accept() => match never {},
        () = metrics_upkeep() => Ok(()),
        () = shutdown.cancelled() => Ok(()),
        error = tasks.first_end() => Err(error),
    };
    if let Err(error) = &ended {
        tracing::error!(
            error = error as &dyn std::error::Error,
            "shutting down because of a task"
        );
    }
    connections.drain(DRAIN_TIMEOUT).await;
    let stopped = tasks.stop(TASKS_STOP_TIMEOUT).await;
    ended.and(stopped)
}

async fn metrics_upkeep() {
    let mut interval = tokio::time::interval(METRICS_UPKEEP_INTERVAL);
    loop {
        interval.tick().await;
        if let Some(recorder) = http_metrics::recorder() {
            recorder.run_upkeep();
        }
    }
}
