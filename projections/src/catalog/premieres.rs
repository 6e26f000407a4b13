//! Which movies of a programme are current premieres: their first day is within some days of today.

use chrono::NaiveDate;
use domain::PremiereDate;

/// How many days around today a premiere is current, today not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PremieresWindow {
    /// Days since the premiere.
    pub(super) days_before: u16,
    /// Days until the premiere.
    pub(super) days_after: u16,
}

impl PremieresWindow {
    /// Tells whether a premiere is current. One known to the month is while any day of the month would be; one known to the
    /// year, only where every day of it would be; one that is not known is not.
    pub(super) fn includes(self, premiere: Option<PremiereDate>, today: NaiveDate) -> bool {
        let is_current = |day: NaiveDate| {
            let days = (day - today).num_days();
            (-i64::from(self.days_before)..=i64::from(self.days_after)).contains(&days)
        };
        let Some(premiere) = premiere else { return false };
        let (first, last) = (premiere.first_day(), premiere.last_day());
        match premiere {
            PremiereDate::Day(day) => is_current(day),
            PremiereDate::Month(_) => first.iter_days().take_while(|day| *day <= last).any(is_current),
            PremiereDate::Year(_) => is_current(first) && is_current(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn premiere(text: &str) -> Option<PremiereDate> {
        Some(PremiereDate::parse(text).expect("a premiere"))
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
            .filter(|premiere| window.includes(self::premiere(premiere), today))
            .collect();
        assert_eq!(current, ["2026-02-10", "2026-03-10", "2026-03-17"]);
    }

    #[test]
    fn a_window_of_no_days_is_today() {
        let window = PremieresWindow {
            days_before: 0,
            days_after: 0,
        };
        assert!(window.includes(premiere("2026-03-10"), day("2026-03-10")));
        assert!(!window.includes(premiere("2026-03-11"), day("2026-03-10")));
    }

    #[test]
    fn a_month_is_current_while_a_day_of_it_is_and_a_year_where_all_of_it_is() {
        let window = |days_before, days_after| PremieresWindow {
            days_before,
            days_after,
        };
        let today = day("2026-03-10");
        for (text, days_before, days_after, current) in [
            ("2026-03", 0, 0, true),
            ("2026-02", 9, 7, false),
            ("2026-02", 10, 7, true),
            ("2026-04", 28, 21, false),
            ("2026-04", 28, 22, true),
            ("2026", 28, 7, false),
            ("2026", 68, 296, true),
            ("2026", 67, 296, false),
            ("2026", 68, 295, false),
        ] {
            let window = window(days_before, days_after);
            assert_eq!(window.includes(premiere(text), today), current, "{text} in {window:?}");
        }
        assert!(!window(365, 365).includes(None, today));
    }
}
