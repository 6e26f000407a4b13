//! Sends commands when they are due, and takes in how they end.
//!
//! # States
//!
//! ```text
//! sending ──the last one has passed, or it is told to stop──▶ waiting for those on their way ──▶ ended
//! ```
//!
//! # Guarantees
//!
//! Never more on their way than there are connections. Every command that was due before the end is counted once.
//!
//! # Failure
//!
//! A failed command is counted, and the next one is sent all the same. What is not answered a while after the end is given
//! up and counted as an error.

use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use super::command::{Command, Effect};
use super::generator::Generator;
use super::lag::Lag;
use super::line::Line;
use super::live::Live;
use super::schedule::Schedule;
use super::sender::{Answered, Sender};
use super::tally::Tally;

/// How long commands on their way are waited for at the end: longer than the services take to answer.
const END_TIMEOUT: Duration = Duration::from_secs(15);
/// What is not answered by then.
const GIVEN_UP: &str = "not answered before the end";
/// What nobody expects.
const BROKEN: &str = "the sending itself failed";

/// Commands on their way.
pub(crate) struct Stream {
    generator: Generator,
    schedule: Schedule,
    sender: Sender,
    connections: usize,
    sent: JoinSet<Ended>,
    all: Tally,
    /// Since the last line.
    recent: Tally,
}

/// A command that has ended.
struct Ended {
    effect: Effect,
    answered: Answered,
    /// From the time it was due.
    latency: Duration,
}

impl Stream {
    pub(crate) fn new(generator: Generator, schedule: Schedule, sender: Sender, connections: usize) -> Self {
        Self {
            generator,
            schedule,
            sender,
            connections,
            sent: JoinSet::new(),
            all: Tally::new(),
            recent: Tally::new(),
        }
    }

    /// Sends until all have passed or it is told to stop; what became of them, and how long it took.
    pub(crate) async fn run(mut self, lag: &Lag, stop: &CancellationToken) -> (Tally, Duration) {
        let start = self.schedule.start();
        let mut live = Live::open();
        let mut ticks = live.ticks(start);
        let mut last_line = start;
        while let Some(due) = self.next_due() {
            let has_room = self.sent.len() < self.connections;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = ticks.tick() => {
                    let now = Instant::now();
                    live.show(&self.line(now - start, now - last_line, lag.events()));
                    self.recent = Tally::new();
                    last_line = now;
                }
                Some(ended) = self.sent.join_next() => self.settle(ended),
                () = sleep_until(due), if has_room => self.begin(due),
            }
        }
        self.finish().await;
        (self.all, start.elapsed())
    }

    /// When the next one is due; those that cannot be sent in time any more are counted.
    fn next_due(&mut self) -> Option<Instant> {
        let late = self.schedule.leave_out_late(Instant::now());
        self.all.late += late;
        self.schedule.due()
    }

    fn begin(&mut self, due: Instant) {
        self.schedule.begin();
        let Command { request, effect } = self.generator.next();
        let sender = self.sender.clone();
        self.sent.spawn(async move {
            let answered = sender.send(&request).await;
            Ended {
                effect,
                answered,
                latency: due.elapsed(),
            }
        });
    }

    fn settle(&mut self, ended: Result<Ended, JoinError>) {
        let Ok(Ended {
            effect,
            answered,
            latency,
        }) = ended
        else {
            self.all.count_error(BROKEN);
            return;
        };
        self.all.count(&answered, latency);
        self.recent.count(&answered, latency);
        self.generator.settle(effect, answered.outcome.settled());
    }

    /// Waits for those on their way, for a while.
    async fn finish(&mut self) {
        let deadline = Instant::now() + END_TIMEOUT;
        while let Ok(Some(ended)) = timeout_at(deadline, self.sent.join_next()).await {
            self.settle(ended);
        }
        for _ in 0..self.sent.len() {
            self.all.count_error(GIVEN_UP);
        }
        self.sent.abort_all();
    }

    fn line(&self, elapsed: Duration, since_last: Duration, lag_events: Option<i64>) -> Line {
        Line {
            elapsed,
            accepted_per_second: self.recent.accepted as f64 / since_last.as_secs_f64(),
            p50: self.recent.percentile(50.0),
            p99: self.recent.percentile(99.0),
            errors: self.all.errors(),
            refused: self.all.refused(),
            busy: self.all.busy(),
            late: self.all.late,
            in_flight: self.sent.len(),
            lag_events,
        }
    }
}
