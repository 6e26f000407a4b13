//! A closed loop: so many tasks, each of which begins its next command when the last one is answered.

use std::time::{Duration, Instant};

use service::BoxError;
use tokio::task::JoinSet;

use crate::sample::{Latencies, Sample};

/// Who works in a loop.
pub(crate) trait Worker: Send + 'static {
    /// Sends the worker's next command and waits for its answer.
    fn work(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// Lets all workers loop for a while, and tells how they fared. Every command is waited for.
///
/// # Errors
/// The first error of a worker.
pub(crate) async fn closed_loop<W: Worker>(workers: Vec<W>, duration: Duration) -> Result<(Sample, Vec<W>), BoxError> {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for mut worker in workers {
        tasks.spawn(async move {
            let mut latencies = Latencies::new();
            let mut now = Instant::now();
            while now - began < duration {
                worker.work().await?;
                let then = std::mem::replace(&mut now, Instant::now());
                latencies.record(now - then);
            }
            Ok::<_, BoxError>((latencies, worker))
        });
    }
    let mut all = Latencies::new();
    let mut workers = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        let (latencies, worker) = ended??;
        all.add(&latencies);
        workers.push(worker);
    }
    Ok((Sample::of_latencies(&all, began.elapsed()), workers))
}
