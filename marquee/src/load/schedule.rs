//! When commands are due: by the clock, whatever becomes of those before.

use std::time::Duration;

use tokio::time::Instant;

/// A command that could not be sent so long after it was due is left out.
pub(crate) const LATE_AFTER: Duration = Duration::from_secs(1);

/// So many commands a second, evenly.
#[derive(Debug)]
pub(crate) struct Schedule {
    start: Instant,
    rate: u32,
    /// All there are; none when it goes on until it is stopped.
    total: Option<u64>,
    /// Those that were begun or left out.
    passed: u64,
}

impl Schedule {
    /// Begins now; of `rate` commands a second none is due at or after the end of `duration`.
    pub(crate) fn new(rate: u32, duration: Option<Duration>) -> Self {
        let count = |duration: Duration| u64::try_from(duration.as_nanos() * u128::from(rate) / 1_000_000_000);
        Self {
            start: Instant::now(),
            rate,
            // A duration too long to count is as good as none.
            total: duration
                .and_then(|duration| count(duration).ok())
                .map(|count| count.max(1)),
            passed: 0,
        }
    }

    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// When the next one is due; none once all have passed.
    pub(crate) fn due(&self) -> Option<Instant> {
        let is_over = self.total.is_some_and(|total| self.passed >= total);
        (!is_over).then(|| self.start + self.after(self.passed))
    }

    /// The next one is begun.
    pub(crate) fn begin(&mut self) {
        self.passed += 1;
    }

    /// Passes over those that are due for too long; how many they are.
    pub(crate) fn leave_out_late(&mut self, now: Instant) -> u64 {
        let Some(since) = now.checked_duration_since(self.start + LATE_AFTER) else {
            return 0;
        };
        // Whole seconds apart, so that nothing overflows in centuries.
        let due = since.as_secs() * u64::from(self.rate)
            + u64::from(since.subsec_nanos()) * u64::from(self.rate) / 1_000_000_000;
        let due = self.total.map_or(due, |total| due.min(total));
        let late = due.saturating_sub(self.passed);
        self.passed += late;
        late
    }

    /// How long after the start a command is due.
    fn after(&self, number: u64) -> Duration {
        let rate = u64::from(self.rate);
        let part = (number % rate) * 1_000_000_000 / rate;
        Duration::from_secs(number / rate) + Duration::from_nanos(part)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LATE_AFTER, Schedule};

    /// When the commands are due, in milliseconds, while all can be sent.
    fn all_due(mut schedule: Schedule) -> Vec<u128> {
        let mut due = Vec::new();
        while let Some(at) = schedule.due() {
            due.push((at - schedule.start).as_millis());
            schedule.begin();
        }
        due
    }

    #[test]
    fn commands_are_due_evenly_until_the_end() {
        let half = Duration::from_millis(500);
        assert_eq!(all_due(Schedule::new(8, Some(half))), [0, 125, 250, 375]);
        assert_eq!(all_due(Schedule::new(3, Some(Duration::from_secs(60)))).len(), 180);
        assert_eq!(
            all_due(Schedule::new(1, Some(half))),
            [0],
            "one at least, for whoever asks for a load"
        );
    }

    #[test]
    fn what_cannot_be_sent_in_time_is_counted_once_and_the_rest_goes_on() {
        let mut schedule = Schedule::new(10, Some(Duration::from_secs(3)));
        let start = schedule.start;
        assert_eq!(schedule.leave_out_late(start + LATE_AFTER), 0);
        for _ in 0..5 {
            schedule.begin();
        }
        let later = start + LATE_AFTER + Duration::from_millis(1_200);
        assert_eq!(
            schedule.leave_out_late(later),
            7,
            "12 are due for too long, 5 were begun"
        );
        assert_eq!(schedule.leave_out_late(later), 0);
        assert_eq!(schedule.due(), Some(start + Duration::from_millis(1_200)));
        assert_eq!(schedule.leave_out_late(start + Duration::from_secs(3_600)), 18);
        assert_eq!(schedule.due(), None);
    }

    #[test]
    fn a_schedule_without_an_end_has_always_a_next() {
        let mut schedule = Schedule::new(100_000, None);
        let century = Duration::from_secs(3_155_760_000);
        assert!(schedule.leave_out_late(schedule.start + century) > 0);
        assert!(schedule.due().is_some());
    }
}
