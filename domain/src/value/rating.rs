//! Who may see a movie, by the bodies that have rated it.

use serde::{Deserialize, Serialize};

use super::list::{ListRule, list_newtype, parse_key};
use super::text::parse_line;
use super::{AgeRating, InvalidValue};

/// The scheme of plain ages, [`AgeRating`]: whatever body has rated it.
const AGE: &str = "age";
/// The value of a movie that a body was not asked to rate.
const UNRATED: &str = "unrated";
const VALUE_LENGTH_MAX: usize = 20;
const RULE: ListRule = ListRule {
    items: "ratings",
    most: 50,
    twice: "DUPLICATE_RATING",
};

/// A rating: the scheme of a body (`fsk`, `mpa`, `bbfc`, `tv`, `eirin`, `cnc`) and its value (`PG-13`, `12A`), or
/// `unrated`. Both sets are open, but for the scheme `age`, whose values are those of [`AgeRating`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rating {
    scheme: String,
    value: String,
}

impl Rating {
    /// Parses a scheme and a value of it: a word of a-z, 0-9 and hyphens, and a line of 1-20 characters, trimmed.
    ///
    /// # Errors
    /// `INVALID_SCHEME`, `TOO_SHORT`, `TOO_LONG`, `CONTROL_CHARACTER`, and of the scheme `age` `UNKNOWN_AGE_RATING`.
    pub fn parse(scheme: &str, value: &str) -> Result<Self, InvalidValue> {
        let scheme = parse_key(scheme, "INVALID_SCHEME")?;
        let value = parse_line(value, VALUE_LENGTH_MAX)?;
        if scheme == AGE && value != UNRATED {
            return AgeRating::parse(&value).map(Self::from);
        }
        Ok(Self { scheme, value })
    }

    /// Gives the rating of a movie that a body was not asked to rate.
    ///
    /// # Errors
    /// `INVALID_SCHEME`.
    pub fn unrated(scheme: &str) -> Result<Self, InvalidValue> {
        Self::parse(scheme, UNRATED)
    }

    /// Gives the scheme, in lower case.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Gives the value, as the body writes it.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl From<AgeRating> for Rating {
    fn from(rating: AgeRating) -> Self {
        Self {
            scheme: AGE.to_owned(),
            value: rating.as_str().to_owned(),
        }
    }
}

list_newtype! {
    /// The ratings of a movie: 0-50, one of each scheme. None means that none is known.
    Ratings of Rating, by RULE
}

impl Ratings {
    /// Takes 0-50 ratings, one of each scheme.
    ///
    /// # Errors
    /// `TOO_LONG`, `DUPLICATE_RATING`.
    pub fn parse(ratings: Vec<Rating>) -> Result<Self, InvalidValue> {
        RULE.check(ratings, |rating| rating.scheme.clone()).map(Self)
    }

    /// Gives the value of the scheme `age`, when the movie has one.
    #[must_use]
    pub fn age(&self) -> Option<AgeRating> {
        let rating = self.0.iter().find(|rating| rating.scheme == AGE)?;
        AgeRating::parse(&rating.value).ok()
    }
}

impl From<AgeRating> for Ratings {
    fn from(rating: AgeRating) -> Self {
        Self(vec![rating.into()])
    }
}
