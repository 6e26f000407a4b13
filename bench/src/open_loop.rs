//! An open loop: commands begin at a fixed rate, whether the earlier ones are answered or not.

use std::thread;
use std::time::{Duration, Instant};

use service::BoxError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::sample::{Latencies, Sample};

/// Begins so many commands per second for a while; a slow answer does not make the load lighter. Latency counts from when a
/// command was due, so that no wait is left out.
///
/// # Errors
/// The first error of a command.
pub(crate) async fn open_loop<F>(
    per_second: u32,
    duration: Duration,
    command: impl Fn(u64) -> F,
) -> Result<Sample, BoxError>
where
    F: Future<Output = Result<(), BoxError>> + Send + 'static,
{
    let count = (duration.as_secs_f64() * f64::from(per_second)) as u64;
    let began = Instant::now();
    let mut due = ticks(began, per_second, count);
    let mut tasks = JoinSet::new();
    let mut number = 0;
    while let Some(due) = due.recv().await {
        let answered = command(number);
        number += 1;
        tasks.spawn(async move {
            answered.await?;
            Ok::<_, BoxError>(due.elapsed())
        });
    }
    let mut latencies = Latencies::new();
    while let Some(ended) = tasks.join_next().await {
        latencies.record(ended??);
    }
    Ok(Sample::of_latencies(&latencies, began.elapsed()))
}

/// Tells when it is time. From a thread: the runtime's timers are of milliseconds, which is what is measured here.
fn ticks(began: Instant, per_second: u32, count: u64) -> mpsc::UnboundedReceiver<Instant> {
    let (sender, receiver) = mpsc::unbounded_channel();
    thread::spawn(move || {
        for number in 0..count {
            let due = began + Duration::from_secs_f64(number as f64 / f64::from(per_second));
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if sender.send(due).is_err() {
                return;
            }
        }
    });
    receiver
}
