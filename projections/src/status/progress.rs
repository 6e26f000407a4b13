//! What a consumer tells of itself while it works.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use domain::Position;
use event_bus::Origin;
use metrics::{counter, gauge};
use tokio::sync::{Notify, watch};

use crate::apply::Committed;
use crate::attendance::Attendance;
use crate::diverged::Diverged;
use crate::heal::Cause;
use crate::status::QueueStatus;
use crate::status::foreign::ForeignMessage;
use crate::status::told::Told;
use crate::{State, metric};

/// The most messages that are kept aside.
const FOREIGN_KEPT_MAX: usize = 100;

/// What was seen of a consumer last.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// What it is doing.
    pub(crate) state: State,
    /// Whether the checkpoint is not in the log, by whoever looked last.
    diverged: bool,
    /// What went wrong last, and when.
    pub(crate) last_error: Option<(String, DateTime<Utc>)>,
    /// Ranges read from the log that the bus should have delivered.
    pub(crate) healed_ranges: u64,
    /// Events applied from them.
    pub(crate) healed_events: u64,
    /// How long the queue was when the broker was asked last; none without a session.
    pub(crate) queue: Option<QueueStatus>,
    /// Positions the checkpoint moves on by in a second.
    pub(crate) events_per_second: Option<f64>,
}

/// Written by the consumer, read by everyone: state, last error, and a signal with each commit.
#[derive(Debug)]
pub(crate) struct Progress {
    projection: &'static str,
    seen: Mutex<Seen>,
    foreign: Mutex<VecDeque<ForeignMessage>>,
    told: Mutex<Told>,
    committed: watch::Sender<Position>,
    changed: Notify,
    attendance: watch::Sender<Attendance>,
}

impl Progress {
    /// Starts as connecting, with nothing committed.
    pub(crate) fn new(projection: &'static str) -> Self {
        // An alarm needs a value before the first trouble.
        gauge!(metric::HELD, metric::PROJECTION => projection).set(0.0);
        let seen = Seen {
            state: State::Connecting,
            diverged: false,
            last_error: None,
            healed_ranges: 0,
            healed_events: 0,
            queue: None,
            events_per_second: None,
        };
        Self {
            projection,
            seen: Mutex::new(seen),
            foreign: Mutex::default(),
            told: Mutex::default(),
            committed: watch::Sender::new(Position::default()),
            changed: Notify::new(),
            attendance: watch::Sender::new(Attendance::default()),
        }
    }

    /// The projection's name.
    pub(crate) fn projection(&self) -> &'static str {
        self.projection
    }

    /// A copy of what was seen last.
    pub(crate) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Tells of each commit of this process, as a hint.
    pub(crate) fn committed(&self) -> watch::Receiver<Position> {
        self.committed.subscribe()
    }

    /// Tells the consumer that an operator has changed something.
    pub(crate) fn tell_changed(&self) {
        self.changed.notify_one();
    }

    /// Waits until [`Self::tell_changed`]; what was told while nobody waited counts once.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Notes what the consumer is at, for others to see.
    pub(crate) fn is_at(&self, attendance: Attendance) {
        self.attendance.send_replace(attendance);
    }

    /// What the consumer is at.
    pub(crate) fn attendance(&self) -> Attendance {
        *self.attendance.borrow()
    }

    /// Tells what the consumer is at whenever that changes.
    pub(crate) fn attendances(&self) -> watch::Receiver<Attendance> {
        self.attendance.subscribe()
    }

    /// Notes what the consumer is doing.
    pub(crate) fn is(&self, state: State) {
        let mut seen = self.lock();
        let before = std::mem::replace(&mut seen.state, state);
        if before == state {
            return;
        }
        self.show_held(&seen);
        drop(seen);
        tracing::info!(
            projection = self.projection,
            ?before,
            ?state,
            "the consumer's state changed"
        );
    }

    /// Notes whether the checkpoint is not in the log. A consumer that is paused, or waits while another one is active, does not
    /// find that out by itself.
    pub(crate) fn diverged(&self, diverged: Option<&Diverged>) {
        let mut seen = self.lock();
        if let Some(error) = diverged.filter(|_| !seen.diverged) {
            seen.last_error = Some((error.to_string(), Utc::now()));
        }
        seen.diverged = diverged.is_some();
        self.show_held(&seen);
    }

    fn show_held(&self, seen: &Seen) {
        let held = if seen.diverged || seen.state.needs_attention() {
            1.0
        } else {
            0.0
        };
        gauge!(metric::HELD, metric::PROJECTION => self.projection).set(held);
    }

    /// Notes how long the queue is, or that there is no session any more.
    pub(crate) fn queue_is(&self, queue: Option<QueueStatus>) {
        self.lock().queue = queue;
    }

    /// Notes how fast the checkpoint moves.
    pub(crate) fn events_per_second_are(&self, rate: Option<f64>) {
        self.lock().events_per_second = rate;
    }

    /// Notes what went wrong, with the chain of its causes. The log tells it once, until the consumer has got on.
    pub(crate) fn failed(&self, error: &(dyn std::error::Error + 'static)) {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // Some libraries repeat the cause in what they say themselves.
            if !text.ends_with(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        let projection = self.projection;
        if self.told().note(&text) {
            tracing::warn!(projection, error = text, "the consumer failed and tries again");
        } else {
            tracing::debug!(projection, error = text, "the consumer failed once more");
        }
        counter!(metric::ATTEMPTS_FAILED, metric::PROJECTION => self.projection).increment(1);
        self.lock().last_error = Some((text, Utc::now()));
    }

    /// Notes a commit of so many closed ranges and events.
    #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub(crate) fn committed_at(&self, position: Position, ranges: u64, events: usize, committed: &Committed) {
        let count = |name: &'static str, by: u64| counter!(name, metric::PROJECTION => self.projection).increment(by);
        count(metric::RANGES_APPLIED, ranges);
        count(metric::EVENTS_APPLIED, (events - committed.parked) as u64);
        count(metric::EVENTS_PARKED, committed.parked as u64);
        gauge!(metric::STREAMS_PARKED, metric::PROJECTION => self.projection).set(committed.parked_streams as f64);
        self.committed.send_replace(position);
        self.is_well();
    }

    /// Notes that the consumer has got on: what goes wrong from now on is told anew.
    pub(crate) fn is_well(&self) {
        let failures = self.told().forget();
        if failures > 0 {
            tracing::info!(projection = self.projection, failures, "the consumer goes on");
        }
    }

    /// Notes that a range begins to be read from the log.
    pub(crate) fn heals(&self, cause: Cause) {
        counter!(metric::RANGES_HEALED, metric::PROJECTION => self.projection, metric::REASON => cause.as_str())
            .increment(1);
        if cause != Cause::Start {
            self.lock().healed_ranges += 1;
        }
    }

    /// Notes events applied from the log.
    pub(crate) fn healed(&self, cause: Cause, events: usize) {
        counter!(metric::EVENTS_HEALED, metric::PROJECTION => self.projection, metric::REASON => cause.as_str())
            .increment(events as u64);
        if cause != Cause::Start {
            self.lock().healed_events += events as u64;
        }
    }

    /// Counts a delivery that was there already.
    pub(crate) fn duplicate(&self) {
        counter!(metric::DUPLICATES, metric::PROJECTION => self.projection).increment(1);
    }

    /// Counts a message that is not for this read model, and keeps it aside.
    pub(crate) fn foreign(&self, reason: &str, origin: Origin) {
        tracing::debug!(projection = self.projection, reason, "a message is ignored");
        counter!(metric::FOREIGN_MESSAGES, metric::PROJECTION => self.projection).increment(1);
        let mut kept = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(FOREIGN_KEPT_MAX - 1);
        kept.push_front(ForeignMessage::new(reason, origin));
    }

    /// The messages that were ignored last, the latest first.
    pub(crate) fn foreign_kept(&self) -> Vec<ForeignMessage> {
        let kept = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().cloned().collect()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // Nothing panics while it is locked, and what it guards is whole after each statement.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
