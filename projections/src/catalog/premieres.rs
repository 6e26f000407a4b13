//! Which movies of a programme are current premieres: their first day is within some days of today.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

/// How many days around today a premiere is current, today not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PremieresWindow {
    /// Days since the premiere.
    pub(super) days_before: u16,
    /// Days until the premiere.
    pub(super) days_after: u16,
}

impl PremieresWindow {
    /// Tells whether a premiere is current.
    pub(super) fn includes(self, premiere_date: NaiveDate, today: NaiveDate) -> bool {
        let days = (premiere_date - today).num_days();
        (-i64::from(self.days_before)..=i64::from(self.days_after)).contains(&days)
    }
}

/// Gives the day it is in a time zone, by its IANA name. A zone that this code's database does not have counts as UTC: the
/// day is wrong for some hours then, but the cinema is shown.
pub(super) fn today(now: DateTime<Utc>, time_zone: &str) -> NaiveDate {
    now.with_timezone(&time_zone.parse().unwrap_or(Tz::UTC)).date_naive()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    #[test]
    fn both_ends_of_the_window_are_current_and_the_days_beyond_are_not() {
        let window = PremieresWindow {
            days_before: 28,
            days_after: 7,
        };
        let today = day("2026-03-10");
        let current: Vec<&str> = ["2026-02-09", "2026-02-10", "2026-03-10", "2026-03-17", "2026-03-18"]
            .into_iter()
            .filter(|premiere| window.includes(day(premiere), today))
            .collect();
        assert_eq!(current, ["2026-02-10", "2026-03-10", "2026-03-17"]);
    }

    #[test]
    fn a_window_of_no_days_is_today() {
        let window = PremieresWindow {
            days_before: 0,
            days_after: 0,
        };
        assert!(window.includes(day("2026-03-10"), day("2026-03-10")));
        assert!(!window.includes(day("2026-03-11"), day("2026-03-10")));
    }

    #[test]
    fn every_cinema_has_its_own_today() {
        let now = "2026-03-10T23:30:00Z".parse().expect("a time");
        assert_eq!(today(now, "Europe/Berlin"), day("2026-03-11"));
        assert_eq!(today(now, "America/New_York"), day("2026-03-10"));
    }

    #[test]
    fn an_unknown_time_zone_counts_as_utc() {
        let now = "2026-03-10T23:30:00Z".parse().expect("a time");
        assert_eq!(today(now, "Mars/Olympus_Mons"), day("2026-03-10"));
    }
}
