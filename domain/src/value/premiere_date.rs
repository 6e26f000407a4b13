//! When a movie is first shown, as exactly as it is known.

use std::fmt;

use chrono::{Datelike, Months, NaiveDate};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::InvalidValue;

/// The year of the first film that is left.
const YEAR_MIN: i32 = 1888;
const YEAR_MAX: i32 = 2200;

/// A premiere of which the day, only the month or only the year is known, 1888 to 2200: no time and no zone, a day begins
/// when it does in each cinema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PremiereDate {
    /// The day is known.
    Day(NaiveDate),
    /// Only the month is known; its first day.
    Month(NaiveDate),
    /// Only the year is known; its first day.
    Year(NaiveDate),
}

impl PremiereDate {
    /// Parses `YYYY-MM-DD`, `YYYY-MM` or `YYYY`, nothing trimmed, no digit left out.
    ///
    /// # Errors
    /// `INVALID_DATE` when it is not written so or not in the calendar, `OUT_OF_RANGE` outside 1888-2200.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let date = parse_date(text).ok_or_else(|| {
            InvalidValue::new(
                "INVALID_DATE",
                "must be a day of the calendar written YYYY-MM-DD, a month written YYYY-MM, or a year written YYYY",
            )
        })?;
        if !(YEAR_MIN..=YEAR_MAX).contains(&date.first_day().year()) {
            return Err(InvalidValue::new(
                "OUT_OF_RANGE",
                format!("must be between {YEAR_MIN}-01-01 and {YEAR_MAX}-12-31"),
            ));
        }
        Ok(date)
    }

    /// Gives the earliest day it can be.
    #[must_use]
    pub const fn first_day(self) -> NaiveDate {
        match self {
            Self::Day(day) | Self::Month(day) | Self::Year(day) => day,
        }
    }

    /// Gives the latest day it can be.
    #[must_use]
    pub fn last_day(self) -> NaiveDate {
        let months = match self {
            Self::Day(day) => return day,
            Self::Month(_) => Months::new(1),
            Self::Year(_) => Months::new(12),
        };
        let next = self.first_day().checked_add_months(months);
        // Only the end of the calendar has none.
        next.and_then(|day| day.pred_opt()).unwrap_or(NaiveDate::MAX)
    }
}

/// Reads exactly four, two and two digits: chrono alone would also take signs, spaces and single digits.
fn parse_date(text: &str) -> Option<PremiereDate> {
    let digits_in_place = matches!(text.len(), 4 | 7 | 10)
        && text.bytes().enumerate().all(|(i, b)| {
            if i == 4 || i == 7 {
                b == b'-'
            } else {
                b.is_ascii_digit()
            }
        });
    if !digits_in_place {
        return None;
    }
    match text.len() {
        4 => format!("{text}-01-01").parse().ok().map(PremiereDate::Year),
        7 => format!("{text}-01").parse().ok().map(PremiereDate::Month),
        _ => text.parse().ok().map(PremiereDate::Day),
    }
}

impl fmt::Display for PremiereDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Month(first) => first.format("%Y-%m").fmt(f),
            Self::Year(first) => first.format("%Y").fmt(f),
        }
    }
}

impl Serialize for PremiereDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Asks for a date of the calendar, not for one within today's bounds.
impl<'de> Deserialize<'de> for PremiereDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_date(&text).ok_or_else(|| D::Error::custom("a premiere is a day, a month or a year of the calendar"))
    }
}
