//! How far an operation is, as it is shown: counted by the worker, measured and written by the keeper.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chrono::Utc;
use metrics::counter;

use crate::metric;
use crate::rebuild::operation::{Operation, Phase};
use crate::rebuild::verification::Verification;

/// Measurements that the rate is taken over; two a second are made.
const SAMPLES_MAX: usize = 10;
/// What is shown before the end is reached.
const PERCENT_MAX: f64 = 99.9;

/// An operation that runs. Shared by its worker, its keeper and the handlers of requests.
#[derive(Debug)]
pub(crate) struct Progress {
    measured: Mutex<Measured>,
    ended: AtomicBool,
}

#[derive(Debug)]
struct Measured {
    operation: Operation,
    samples: VecDeque<(Instant, i64)>,
}

impl Progress {
    pub(crate) fn new(operation: Operation) -> Self {
        let samples = VecDeque::with_capacity(SAMPLES_MAX);
        Self {
            measured: Mutex::new(Measured { operation, samples }),
            ended: AtomicBool::new(false),
        }
    }

    /// The operation as it was measured last.
    pub(crate) fn operation(&self) -> Operation {
        self.lock().operation.clone()
    }

    /// Notes that the end is written down.
    pub(crate) fn ends(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Tells whether the end is written down; what is left to do then takes a moment.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Notes what the worker is doing.
    pub(crate) fn enters(&self, phase: Phase) {
        let mut measured = self.lock();
        tracing::info!(
            projection = measured.operation.projection,
            ?phase,
            "an operation goes on"
        );
        measured.operation.phase = Some(phase);
    }

    /// Notes how many positions there are to go through.
    pub(crate) fn expects(&self, events_total: i64) {
        let operation = &mut self.lock().operation;
        operation.events_total = operation.events_total.max(events_total);
    }

    /// Notes how many positions were behind before it began.
    pub(crate) fn starts_at(&self, events_done: i64) {
        self.lock().operation.events_done = events_done;
    }

    /// Notes how many positions are behind.
    pub(crate) fn reaches(&self, events_done: i64) {
        let operation = &mut self.lock().operation;
        let more = u64::try_from(events_done - operation.events_done).unwrap_or(0);
        counter!(metric::REBUILD_EVENTS, metric::PROJECTION => operation.projection.clone()).increment(more);
        operation.events_done = events_done;
        operation.events_total = operation.events_total.max(events_done);
    }

    /// Notes what the verification found.
    pub(crate) fn verified(&self, verification: Verification) {
        self.lock().operation.verification = Some(verification);
    }

    /// Measures the rate, and gives the operation as it is now.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "shown, not counted with"
    )]
    pub(crate) fn measure(&self) -> Operation {
        let mut measured = self.lock();
        let (now, done) = (Instant::now(), measured.operation.events_done);
        if measured.samples.len() == SAMPLES_MAX {
            measured.samples.pop_front();
        }
        measured.samples.push_back((now, done));
        let (since, before) = measured.samples.front().copied().unwrap_or((now, done));
        let seconds = now.duration_since(since).as_secs_f64();
        let rate = if seconds > 0.0 {
            (done - before).max(0) as f64 / seconds
        } else {
            0.0
        };
        let operation = &mut measured.operation;
        operation.events_per_second = rounded(rate);
        operation.percent = match operation.events_total {
            0 => 0.0,
            total => rounded(done as f64 * 100.0 / total as f64).min(PERCENT_MAX),
        };
        let left = (operation.events_total - done).max(0) as f64;
        operation.seconds_left = (rate > 0.0).then(|| (left / rate).ceil() as i64);
        operation.updated_at = Utc::now();
        operation.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Measured> {
        // Nothing panics while it is locked, and what it guards is whole after each statement.
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// To one digit behind the point.
fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
