//! Who may see a movie.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::InvalidValue;

/// The age from which a movie may be seen: `all`, `6`, `12`, `16` or `18`, whatever body has rated it.
///
/// The set is closed, and the log holds it for ever: a member is never removed or renamed. A new one comes with a new
/// version of the events that carry it, so that code which does not know it holds its place instead of calling the
/// event damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AgeRating {
    /// Everybody.
    #[serde(rename = "all")]
    All,
    /// From 6 years.
    #[serde(rename = "6")]
    From6,
    /// From 12 years.
    #[serde(rename = "12")]
    From12,
    /// From 16 years.
    #[serde(rename = "16")]
    From16,
    /// Adults only.
    #[serde(rename = "18")]
    From18,
}

impl AgeRating {
    /// All ratings, the mildest first.
    pub const VALUES: [Self; 5] = [Self::All, Self::From6, Self::From12, Self::From16, Self::From18];

    /// Gives the rating as it is stored and spoken of over HTTP: always a string, never a number.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::From6 => "6",
            Self::From12 => "12",
            Self::From16 => "16",
            Self::From18 => "18",
        }
    }

    /// Parses a rating, exactly as [`AgeRating::as_str`] gives it.
    ///
    /// # Errors
    /// `UNKNOWN_AGE_RATING` for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        Self::VALUES
            .into_iter()
            .find(|rating| rating.as_str() == text)
            .ok_or_else(|| {
                let names = Self::VALUES.map(Self::as_str).join(", ");
                InvalidValue::new("UNKNOWN_AGE_RATING", format!("must be one of {names}"))
            })
    }
}

impl fmt::Display for AgeRating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
