//! What others call a movie.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::InvalidValue;
use super::list::{ListRule, list_newtype, parse_key};

const VALUE_LENGTH_MAX: usize = 64;
const RULE: ListRule = ListRule {
    items: "external ids",
    most: 20,
    twice: "DUPLICATE_EXTERNAL_ID",
};

/// The id of a movie elsewhere: the scheme (`imdb`, `tmdb`, `wikidata`, `isan` ...) and the value in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ExternalId {
    scheme: String,
    value: String,
}

impl ExternalId {
    /// Parses a scheme, a word of a-z, 0-9 and hyphens, and a value of 1-64 visible ASCII characters. The schemes `imdb`
    /// (`tt` and 7 to 10 digits), `tmdb` (digits) and `wikidata` (`Q` and digits) are looked at more closely.
    ///
    /// # Errors
    /// `INVALID_SCHEME`, `INVALID_EXTERNAL_ID`.
    pub fn parse(scheme: &str, value: &str) -> Result<Self, InvalidValue> {
        let scheme = parse_key(scheme, "INVALID_SCHEME")?;
        let fits = (1..=VALUE_LENGTH_MAX).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic());
        if fits && is_of(&scheme, value) {
            let value = value.to_owned();
            Ok(Self { scheme, value })
        } else {
            Err(InvalidValue::new(
                "INVALID_EXTERNAL_ID",
                format!(
                    "must be 1 to {VALUE_LENGTH_MAX} visible ASCII characters; of imdb such as tt0017136, of tmdb 19, of \
                     wikidata Q151599"
                ),
            ))
        }
    }

    /// Gives the scheme, in lower case.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Gives the value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

fn is_of(scheme: &str, value: &str) -> bool {
    let digits = |text: &str, least: usize, most: usize| {
        (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    let number = |text: &str| digits(text, 1, 12) && !text.starts_with('0');
    match scheme {
        "imdb" => value.strip_prefix("tt").is_some_and(|rest| digits(rest, 7, 10)),
        "tmdb" => number(value),
        "wikidata" => value.strip_prefix('Q').is_some_and(number),
        _ => true,
    }
}

/// As queries ask for it: `imdb:tt0017136`.
impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scheme, self.value)
    }
}

list_newtype! {
    /// What others call a movie: 0-20 ids, none twice.
    ExternalIds of ExternalId, by RULE
}

impl ExternalIds {
    /// Takes 0-20 ids, none twice.
    ///
    /// # Errors
    /// `TOO_LONG`, `DUPLICATE_EXTERNAL_ID`.
    pub fn parse(ids: Vec<ExternalId>) -> Result<Self, InvalidValue> {
        RULE.check(ids, Clone::clone).map(Self)
    }
}
