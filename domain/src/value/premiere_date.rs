//! The first day a movie is shown.

use std::fmt;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use super::InvalidValue;

/// The day of a premiere, 1888-01-01 to 2200-12-31: no time and no zone, it begins when the day does in each cinema.
///
/// The year 1888 is that of the first film that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PremiereDate(NaiveDate);

impl PremiereDate {
    /// Parses a day of the calendar written `YYYY-MM-DD`, nothing trimmed, no digit left out.
    ///
    /// # Errors
    /// `INVALID_DATE` when it is not written so or not in the calendar, `OUT_OF_RANGE` outside 1888-2200.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let date = parse_date(text)
            .ok_or_else(|| InvalidValue::new("INVALID_DATE", "must be a day of the calendar written YYYY-MM-DD"))?;
        if !(1888..=2200).contains(&date.year()) {
            return Err(InvalidValue::new(
                "OUT_OF_RANGE",
                "must be between 1888-01-01 and 2200-12-31",
            ));
        }
        Ok(Self(date))
    }

    /// Gives the day.
    #[must_use]
    pub const fn date(self) -> NaiveDate {
        self.0
    }
}

/// Reads exactly four, two and two digits: chrono alone would also take signs, spaces and single digits.
fn parse_date(text: &str) -> Option<NaiveDate> {
    let digits_in_place = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| {
            if i == 4 || i == 7 {
                b == b'-'
            } else {
                b.is_ascii_digit()
            }
        });
    if digits_in_place { text.parse().ok() } else { None }
}

impl fmt::Display for PremiereDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
