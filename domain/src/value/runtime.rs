//! How long a movie is.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::InvalidValue;

/// A thousand hours. The longest movies run for days: "Logistics" (2012) for 51,420 minutes.
const MINUTES_MAX: i32 = 60_000;

/// Length of a movie in whole minutes, 1-60,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuntimeMinutes(i32);

impl RuntimeMinutes {
    /// Parses a length of 1-60,000 minutes.
    ///
    /// # Errors
    /// `OUT_OF_RANGE` for anything else.
    pub fn parse(minutes: i64) -> Result<Self, InvalidValue> {
        i32::try_from(minutes)
            .ok()
            .filter(|minutes| (1..=MINUTES_MAX).contains(minutes))
            .map(Self)
            .ok_or_else(|| InvalidValue::new("OUT_OF_RANGE", format!("must be 1 to {MINUTES_MAX} minutes")))
    }

    /// Gives the number of minutes.
    #[must_use]
    pub const fn minutes(self) -> i32 {
        self.0
    }
}

impl fmt::Display for RuntimeMinutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
