//! The task that starts and runs the operations of one projection, and how others ask it to.

use std::sync::Arc;
use std::time::Duration;

use service::BoxError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::rebuild::engine::Engine;
use crate::rebuild::keeper::{last, sweep};
use crate::rebuild::operation::Operation;
use crate::rebuild::run::run;
use crate::rebuild::start::{Refusal, Started, Wanted, start};

/// Requests that may wait for an answer; each takes a moment.
const REQUESTS_MAX: usize = 16;

/// How often it is looked for what processes have left that are gone.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
/// The pause after a look that failed.
const SWEEP_RETRY_DELAY: Duration = Duration::from_secs(1);

type Request = (Wanted, oneshot::Sender<Result<Operation, Refusal>>);

/// Starts operations of one projection. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Rebuilds {
    engine: Arc<Engine>,
    requests: mpsc::Sender<Request>,
}

impl Rebuilds {
    /// Starts an operation, which runs on after the answer.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) async fn start(&self, wanted: Wanted) -> Result<Operation, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.requests
            .send((wanted, answer))
            .await
            .map_err(|_| Refusal::Stopping)?;
        answered.await.unwrap_or(Err(Refusal::Stopping))
    }

    /// Reads the record of the operation that runs, in whatever process, or of the last one.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) async fn last(&self) -> Result<Option<Operation>, sqlx::Error> {
        last(&self.engine).await
    }
}

/// Runs what is asked of [`Rebuilds`], one operation at a time.
pub(crate) struct Runner {
    engine: Arc<Engine>,
    requests: mpsc::Receiver<Request>,
}

impl Runner {
    /// Makes a runner and the handle by which it is asked.
    pub(crate) fn new(engine: Arc<Engine>) -> (Rebuilds, Self) {
        let (sender, requests) = mpsc::channel(REQUESTS_MAX);
        (
            Rebuilds {
                engine: Arc::clone(&engine),
                requests: sender,
            },
            Self { engine, requests },
        )
    }

    /// Runs until `stop` is cancelled; an operation that runs then is interrupted and cleaned up.
    ///
    /// # Errors
    /// None: what goes wrong with an operation is written into its record.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), BoxError> {
        let mut sweep_at = Instant::now();
        // One that came when an operation had just ended.
        let mut next: Option<Request> = None;
        loop {
            let (wanted, answer) = match next.take() {
                Some(request) => request,
                None => tokio::select! {
                    () = stop.cancelled() => break,
                    () = sleep_until(sweep_at) => {
                        let Some(pause) = stop.run_until_cancelled(self.sweep()).await else {
                            break;
                        };
                        sweep_at = Instant::now() + pause;
                        continue;
                    }
                    Some(request) = self.requests.recv() => request,
                },
            };
            // One that is broken off has done nothing, or leaves a record that the next start sees to.
            match stop.run_until_cancelled(start(&self.engine, wanted)).await {
                None => break,
                Some(Err(refusal)) => drop(answer.send(Err(refusal))),
                Some(Ok(started)) => {
                    // Nobody may be listening any more; the operation was asked for all the same.
                    let _ = answer.send(Ok(started.progress.operation()));
                    next = self.run_one(started, &stop).await;
                }
            }
        }
        Ok(())
    }

    /// Runs an operation and refuses others meanwhile; gives one that came when it had ended.
    async fn run_one(&mut self, started: Started, stop: &CancellationToken) -> Option<Request> {
        let progress = Arc::clone(&started.progress);
        let running = run(&self.engine, started, stop);
        tokio::pin!(running);
        let mut next = None;
        loop {
            tokio::select! {
                () = &mut running => return next,
                Some((wanted, answer)) = self.requests.recv(), if next.is_none() => {
                    if progress.has_ended() {
                        next = Some((wanted, answer));
                    } else {
                        drop(answer.send(Err(Refusal::Running)));
                    }
                }
            }
        }
    }

    /// Removes what operations have left whose processes are gone; gives the time until the next look.
    async fn sweep(&self) -> Duration {
        match sweep(&self.engine).await {
            Ok(()) => SWEEP_INTERVAL,
            Err(error) => {
                tracing::debug!(projection = self.engine.name(), %error, "the remains of operations could not be looked for");
                SWEEP_RETRY_DELAY
            }
        }
    }
}
