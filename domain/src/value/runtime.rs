//! How long a movie is.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::InvalidValue;

/// Length of a movie in whole minutes, 1-1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuntimeMinutes(i32);

impl RuntimeMinutes {
    /// Parses a length of 1-1000 minutes.
    ///
    /// # Errors
    /// `OUT_OF_RANGE` for anything else.
    pub fn parse(minutes: i64) -> Result<Self, InvalidValue> {
        i32::try_from(minutes)
            .ok()
            .filter(|minutes| (1..=1000).contains(minutes))
            .map(Self)
            .ok_or_else(|| InvalidValue::new("OUT_OF_RANGE", "must be 1 to 1000 minutes"))
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
