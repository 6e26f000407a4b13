//! A background task of a service: started with it, stopped after its last request, always joined.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use tokio_util::sync::CancellationToken;

/// Any error, with its chain of sources.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

type Running = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// A loop that belongs to a service and runs until its token is cancelled.
///
/// A task that ends earlier, fails or panics shuts the whole process down with an error: a service
/// that has lost one of its loops must not look alive.
pub struct Task {
    pub(crate) name: &'static str,
    run: Box<dyn FnOnce(CancellationToken) -> Running + Send>,
}

impl Task {
    /// Names a task and the future that runs it; the token tells it to stop.
    pub fn new<F, R>(name: &'static str, run: F) -> Self
    where
        F: FnOnce(CancellationToken) -> R + Send + 'static,
        R: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        Self {
            name,
            run: Box::new(move |stop| Box::pin(run(stop))),
        }
    }

    pub(crate) fn start(self, stop: CancellationToken) -> Running {
        (self.run)(stop)
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("name", &self.name).finish_non_exhaustive()
    }
}
