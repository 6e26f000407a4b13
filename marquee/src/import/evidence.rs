//! What a list as a whole tells of its values: how its texts came about, and what its dates are worth.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};

use super::date::{How, Told};
use super::encoding::SIGNS_OF_A_LIST;
use super::rule::Rule;

/// A premiere is known so many years ahead at most; what is farther away was written with two digits.
const YEARS_AHEAD_MAX: i32 = 10;
/// So many of them tell that the list as a whole was.
const FAR_DATES_OF_A_LIST: usize = 3;
/// In such a list, dates so many years after its last full year are of the century before; in every list, those that are
/// written with two digits, so many years after it was made.
const YEARS_AFTER_THE_LIST: i32 = 3;
/// A full year has one of so many premieres of the list, and three at least.
const SHARE_OF_A_FULL_YEAR: usize = 500;
const PREMIERES_OF_A_FULL_YEAR: usize = 3;
/// Where one of so many days of a list is the first of January, or the last of December, it stands for the year: by chance it
/// would be one of 365.
const SHARE_OF_A_DAY: usize = 50;
/// Where one of so many of the others is the first of a month, it stands for the month: by chance it would be one of 30.
const SHARE_OF_FIRSTS: usize = 8;
/// Fewer days tell nothing.
const DAYS_MIN: usize = 50;

/// What a list tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Evidence {
    mac_roman_signs: usize,
    /// The last year that is not of the century before.
    last_year: Option<i32>,
    /// The same of those that are written with two digits.
    last_of_two_digits: Option<i32>,
    is_new_year_the_year: bool,
    is_new_years_eve_the_year: bool,
    is_first_the_month: bool,
    without: BTreeSet<Rule>,
}

/// The dates of a list, as they are counted.
#[derive(Debug, Default)]
pub(crate) struct Dates {
    years: BTreeMap<i32, usize>,
    days: usize,
    new_years: usize,
    new_years_eves: usize,
    firsts: usize,
}

impl Dates {
    pub(crate) fn count(&mut self, told: Told) {
        *self.years.entry(told.year).or_default() += 1;
        let (Some(month), Some(day)) = (told.month, told.day) else {
            return;
        };
        self.days += 1;
        match (month, day) {
            (1, 1) => self.new_years += 1,
            (12, 31) => self.new_years_eves += 1,
            (_, 1) => self.firsts += 1,
            _ => {}
        }
    }

    /// The last year before the far ones that is full.
    fn last_full_year(&self, far: i32) -> Option<i32> {
        let all: usize = self.years.values().sum();
        let full = (all / SHARE_OF_A_FULL_YEAR).max(PREMIERES_OF_A_FULL_YEAR);
        let near = self.years.range(..=far).rev();
        near.filter(|(_, premieres)| **premieres >= full)
            .map(|(year, _)| *year)
            .next()
    }
}

impl Evidence {
    /// Judges a list by its dates and by how many records have a text that went through a wrong encoding.
    pub(crate) fn of(dates: &Dates, mac_roman_signs: usize, as_of: NaiveDate, without: BTreeSet<Rule>) -> Self {
        let far = as_of.year() + YEARS_AHEAD_MAX;
        let far_dates: usize = dates.years.range(far + 1..).map(|(_, premieres)| premieres).sum();
        let last_year = if far_dates >= FAR_DATES_OF_A_LIST {
            dates.last_full_year(far).map(|year| year + YEARS_AFTER_THE_LIST)
        } else {
            None
        };
        let last_year = last_year.map_or(far, |year| year.min(far));
        let is_many = |count: usize, of: usize, share: usize| of >= DAYS_MIN && count * share > of;
        let others = dates.days - dates.new_years;
        Self {
            mac_roman_signs,
            last_year: Some(last_year),
            last_of_two_digits: Some(last_year.min(as_of.year() + YEARS_AFTER_THE_LIST)),
            is_new_year_the_year: is_many(dates.new_years, dates.days, SHARE_OF_A_DAY),
            is_new_years_eve_the_year: is_many(dates.new_years_eves, dates.days, SHARE_OF_A_DAY),
            is_first_the_month: is_many(dates.firsts, others, SHARE_OF_FIRSTS),
            without,
        }
    }

    /// Whether a rule is not to be applied.
    pub(crate) fn is_without(&self, rule: Rule) -> bool {
        self.without.contains(&rule)
    }

    /// Whether the list went through Mac Roman as a whole.
    pub(crate) fn is_of_mac_roman(&self) -> bool {
        self.mac_roman_signs >= SIGNS_OF_A_LIST
    }

    /// Puts a date into its century: a year too far ahead is of the one before. Where a year is told apart, it decides.
    pub(crate) fn in_its_century(&self, told: Told, year: Option<i32>) -> (Told, Option<Rule>) {
        let rule = Some(Rule::TwoDigitYear);
        let earlier = Told {
            year: told.year - 100,
            ..told
        };
        let is_earlier = match year {
            Some(year) => year == earlier.year,
            None if told.how == How::WithTwoDigits => self.last_of_two_digits.is_some_and(|last| told.year > last),
            None => self.last_year.is_some_and(|last| told.year > last),
        };
        let is_possible = earlier.year >= 1888 && is_in_calendar(earlier);
        match (is_earlier && is_possible, told.how) {
            (true, _) if !self.is_without(Rule::TwoDigitYear) => (earlier, rule),
            (_, How::WithTwoDigits) => (told, rule),
            _ => (told, None),
        }
    }

    /// Leaves out of a date what this list does not know.
    pub(crate) fn as_far_as_known(&self, told: Told) -> (Told, Option<Rule>) {
        let is_year = match (told.month, told.day) {
            (Some(1), Some(1)) => self.is_new_year_the_year,
            (Some(12), Some(31)) => self.is_new_years_eve_the_year,
            _ => false,
        };
        if is_year && !self.is_without(Rule::YearOnly) {
            return (told.year_only(), Some(Rule::YearOnly));
        }
        if told.day == Some(1) && self.is_first_the_month && !self.is_without(Rule::MonthOnly) {
            return (Told { day: None, ..told }, Some(Rule::MonthOnly));
        }
        (told, None)
    }
}

/// 29 February is not in every century's year.
fn is_in_calendar(told: Told) -> bool {
    match (told.month, told.day) {
        (Some(month), Some(day)) => NaiveDate::from_ymd_opt(told.year, month, day).is_some(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Dates, Evidence};
    use crate::import::date::told;
    use crate::import::rule::Rule;

    fn evidence(dates: &[&str], times: usize) -> Evidence {
        let mut counted = Dates::default();
        for _ in 0..times {
            for date in dates {
                counted.count(told(date).expect(date));
            }
        }
        let as_of = "2026-11-30".parse().expect("a day");
        Evidence::of(&counted, 0, as_of, BTreeSet::new())
    }

    #[track_caller]
    fn assert_century(evidence: &Evidence, date: &str, year: Option<i32>, expected: &str) {
        let (told, _) = evidence.in_its_century(told(date).expect(date), year);
        assert_eq!(told.text(), expected, "{date}");
    }

    #[test]
    fn a_year_in_a_far_future_is_of_the_century_before() {
        let few = evidence(&["2033", "2044"], 1);
        assert_century(&few, "Aug 01 2044", None, "1944-08-01");
        assert_century(&few, "2033", None, "2033");
        assert_century(&few, "2033", Some(1933), "1933");
        assert_century(&few, "12-Jun-98", None, "1998-06-12");
        assert_century(&few, "12-Jun-05", None, "2005-06-12");
        assert_century(&few, "12-Jun-29", None, "2029-06-12");
        assert_century(&few, "12-Jun-30", None, "1930-06-12");
        assert_century(&few, "12-Jun-30", Some(2030), "2030-06-12");
    }

    #[test]
    fn a_list_with_many_such_years_is_judged_by_its_own_last_years() {
        let mut dates = vec!["2010"; 40];
        dates.extend(["2011", "2015", "2027", "2033", "2037", "2039", "2044"]);
        let list = evidence(&dates, 1);
        for (date, expected) in [
            ("Dec 23 2011", "2011-12-23"),
            ("2013", "2013"),
            ("Feb 08 2015", "1915-02-08"),
            ("Aug 12 2027", "1927-08-12"),
            ("2044", "1944"),
            ("1998", "1998"),
        ] {
            assert_century(&list, date, None, expected);
        }
    }

    #[test]
    fn a_list_of_coming_movies_is_left_alone() {
        let list = evidence(&["2026-12-24", "2027", "2027-06", "2031"], 20);
        for date in ["2027", "2031", "2036"] {
            assert_century(&list, date, None, date);
        }
    }

    #[test]
    fn far_too_many_first_days_stand_for_the_year_or_the_month() {
        let known = |list: &Evidence, date: &str| list.as_far_as_known(told(date).expect(date)).0.text();
        let by_chance = evidence(&["2000-02-03", "2001-05-06", "1999-07-08"], 30);
        assert_eq!(known(&by_chance, "2011-01-01"), "2011-01-01");
        let of_years = evidence(&["2000-01-01", "2001-05-06", "1999-07-08"], 30);
        assert_eq!(known(&of_years, "2011-01-01"), "2011");
        assert_eq!(known(&of_years, "2011-12-31"), "2011-12-31");
        assert_eq!(known(&of_years, "2011-05-01"), "2011-05-01");
        let of_eves = evidence(&["2000-12-31", "2001-05-06", "1999-07-08"], 30);
        assert_eq!(known(&of_eves, "2011-12-31"), "2011");
        let of_months = evidence(&["2000-02-01", "2001-05-06", "1999-07-08"], 30);
        assert_eq!(known(&of_months, "2011-05-01"), "2011-05");
        let few = evidence(&["2000-01-01"], 40);
        assert_eq!(known(&few, "2011-01-01"), "2011-01-01");
    }

    #[test]
    fn a_rule_can_be_left_out() {
        let without = BTreeSet::from([Rule::TwoDigitYear]);
        let as_of = "2026-11-30".parse().expect("a day");
        let list = Evidence::of(&Dates::default(), 0, as_of, without);
        assert_century(&list, "2044", None, "2044");
    }
}
