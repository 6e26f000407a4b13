//! What became of the commands: counted, and their latencies.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::sender::{Answered, Outcome};

/// Three digits of a latency are kept.
const DIGITS: u8 = 3;
/// A longer latency counts as this one. None is: all repetitions end before.
const LATENCY_US_MAX: u64 = 600_000_000;

/// Counts by code or kind.
pub(crate) type Counts = BTreeMap<String, u64>;

/// What became of the commands since a moment. Each that was due is in one count, but for those on their way.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub(crate) accepted: u64,
    /// Latencies of the accepted ones, from the time they were due, in microseconds.
    latency_us: Histogram<u64>,
    pub(crate) refused: Counts,
    pub(crate) busy: Counts,
    pub(crate) errors: Counts,
    /// Left out, because no connection was free in time.
    pub(crate) late: u64,
    /// How often a command was sent again.
    pub(crate) repeats: u64,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            accepted: 0,
            latency_us: Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS).expect("these bounds fit a histogram"),
            refused: Counts::new(),
            busy: Counts::new(),
            errors: Counts::new(),
            late: 0,
            repeats: 0,
        }
    }

    /// Counts one that ended; `latency` is from the time it was due.
    pub(crate) fn count(&mut self, answered: &Answered, latency: Duration) {
        self.repeats += u64::from(answered.repeats);
        let (counts, kind) = match &answered.outcome {
            Outcome::Accepted => {
                self.accepted += 1;
                let latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
                self.latency_us.saturating_record(latency_us);
                return;
            }
            Outcome::Refused(code) => (&mut self.refused, code),
            Outcome::Busy(code) => (&mut self.busy, code),
            Outcome::Failed(kind) => (&mut self.errors, kind),
        };
        *counts.entry(kind.clone()).or_default() += 1;
    }

    /// Counts an error that no answer has.
    pub(crate) fn count_error(&mut self, kind: &str) {
        *self.errors.entry(kind.to_owned()).or_default() += 1;
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.values().sum()
    }

    pub(crate) fn busy(&self) -> u64 {
        self.busy.values().sum()
    }

    pub(crate) fn errors(&self) -> u64 {
        self.errors.values().sum()
    }

    /// All that have ended, one way or another.
    pub(crate) fn ended(&self) -> u64 {
        self.accepted + self.refused() + self.busy() + self.errors() + self.late
    }

    /// The latency that so many of a hundred accepted ones have at most; none when none was accepted.
    pub(crate) fn percentile(&self, percent: f64) -> Option<Duration> {
        let is_known = !self.latency_us.is_empty();
        is_known.then(|| Duration::from_micros(self.latency_us.value_at_percentile(percent)))
    }

    /// The longest latency of an accepted one.
    pub(crate) fn latency_max(&self) -> Option<Duration> {
        self.percentile(100.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Answered, Outcome, Tally};

    #[test]
    fn each_command_is_in_one_count_and_only_accepted_ones_have_a_latency() {
        let mut tally = Tally::new();
        assert_eq!(tally.percentile(50.0), None);
        let mut count = |outcome, repeats, latency_ms| {
            tally.count(&Answered { outcome, repeats }, Duration::from_millis(latency_ms));
        };
        for latency_ms in 1..=100 {
            count(Outcome::Accepted, 0, latency_ms);
        }
        count(Outcome::Refused("CONFLICT".to_owned()), 0, 9_000);
        count(Outcome::Busy("WRITER_BUSY".to_owned()), 0, 9_000);
        count(Outcome::Failed("not connected".to_owned()), 3, 9_000);
        tally.count_error("not connected");
        tally.late += 7;
        assert_eq!(
            (tally.accepted, tally.refused(), tally.busy(), tally.errors()),
            (100, 1, 1, 2)
        );
        assert_eq!((tally.ended(), tally.repeats), (111, 3));
        let about = |percent: f64| tally.percentile(percent).map(|latency| latency.as_millis());
        assert_eq!((about(50.0), about(99.0)), (Some(50), Some(99)));
        assert_eq!(tally.latency_max().map(|latency| latency.as_millis()), Some(100));
    }
}
