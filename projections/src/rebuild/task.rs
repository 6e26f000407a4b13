//! The task that starts and runs the operations of one projection, and how others ask it to.

use std::sync::Arc;

use service::BoxError;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::rebuild::engine::Engine;
use crate::rebuild::operation::Operation;
use crate::rebuild::run::run;
use crate::rebuild::start::{Refusal, Wanted, start};

/// Requests that may wait for an answer; each takes a moment.
const REQUESTS_MAX: usize = 16;

type Request = (Wanted, oneshot::Sender<Result<Operation, Refusal>>);

/// Starts operations of one projection. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Rebuilds(mpsc::Sender<Request>);

impl Rebuilds {
    /// Starts an operation, which runs on after the answer.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) async fn start(&self, wanted: Wanted) -> Result<Operation, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.0.send((wanted, answer)).await.map_err(|_| Refusal::Stopping)?;
        answered.await.unwrap_or(Err(Refusal::Stopping))
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
        (Rebuilds(sender), Self { engine, requests })
    }

    /// Runs until `stop` is cancelled; an operation that runs then is interrupted and cleaned up.
    ///
    /// # Errors
    /// None: what goes wrong with an operation is written into its record.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), BoxError> {
        loop {
            let next = stop.run_until_cancelled(self.requests.recv()).await;
            let Some(Some((wanted, answer))) = next else {
                break;
            };
            match start(&self.engine, wanted).await {
                Err(refusal) => drop(answer.send(Err(refusal))),
                Ok(started) => {
                    // Nobody may be listening any more; the operation was asked for all the same.
                    let _ = answer.send(Ok(started.operation.clone()));
                    let running = run(&self.engine, started, &stop);
                    tokio::pin!(running);
                    loop {
                        tokio::select! {
                            _ended = &mut running => break,
                            Some((_, answer)) = self.requests.recv() => drop(answer.send(Err(Refusal::Running))),
                        }
                    }
                }
            }
        }
        // Nobody waits for the answer of a task that is gone when nothing else holds the handle.
        stop.cancelled().await;
        Ok(())
    }
}
