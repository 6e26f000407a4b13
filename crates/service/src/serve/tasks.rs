//! The tasks of all services: started together, watched, stopped together.

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::ServeError;
use crate::{BoxError, Task};

pub(super) struct Tasks {
    running: JoinSet<Result<(), BoxError>>,
    names: HashMap<Id, &'static str>,
    stop: CancellationToken,
}

impl Tasks {
    pub(super) fn start(tasks: Vec<Task>) -> Self {
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        let names = tasks
            .into_iter()
            .map(|task| (task.name, task.start(stop.clone())))
            .map(|(name, run)| (running.spawn(run).id(), name));
        Self {
            names: names.collect(),
            running,
            stop,
        }
    }

    /// Waits for a task to end by itself, for ever if there is none. Cancel safe.
    pub(super) async fn first_end(&mut self) -> ServeError {
        match self.running.join_next_with_id().await {
            Some(ended) => {
                let (name, error) = self.told(ended);
                error.unwrap_or(ServeError::TaskEnded(name))
            }
            None => std::future::pending().await,
        }
    }

    /// Tells the tasks to stop and joins them; those that go on are aborted.
    pub(super) async fn stop(mut self, timeout: Duration) -> Result<(), ServeError> {
        self.stop.cancel();
        let deadline = tokio::time::Instant::now() + timeout;
        let mut result = Ok(());
        loop {
            match tokio::time::timeout_at(deadline, self.running.join_next_with_id()).await {
                Ok(None) => return result,
                Ok(Some(ended)) => {
                    if let (_, Some(error)) = self.told(ended) {
                        tracing::error!(error = &error as &dyn std::error::Error, "a task did not end well");
                        result = result.and(Err(error));
                    }
                }
                Err(_elapsed) => {
                    let stuck: Vec<&'static str> = self.names.into_values().collect();
                    for task in &stuck {
                        tracing::error!(task, "a task did not stop in time and is aborted");
                    }
                    self.running.shutdown().await;
                    return result.and(stuck.first().map_or(Ok(()), |name| Err(ServeError::TaskStuck(name))));
                }
            }
        }
    }

    fn told(&mut self, ended: Result<(Id, Result<(), BoxError>), JoinError>) -> (&'static str, Option<ServeError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let name = self.names.remove(&id).expect("every running task has a name");
        let error = match ended {
            Ok((_, Ok(()))) => None,
            Ok((_, Err(source))) => Some(ServeError::TaskFailed { name, source }),
            Err(_panicked) => Some(ServeError::TaskPanicked(name)),
        };
        (name, error)
    }
}
