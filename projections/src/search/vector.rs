//! Words with their places, as PostgreSQL's `tsvector`: <https://www.postgresql.org/docs/current/datatype-textsearch.html>.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArgumentBuffer;
use sqlx::{Encode, Postgres};

/// The largest place a vector can hold.
const PLACE_MAX: u16 = 16_383;
/// How many places a vector can hold of one word.
const PLACES_MAX: usize = 255;
/// Words of one vector: far below a megabyte, which is what it may have.
const WORDS_MAX: usize = 10_000;

/// Words with their places. Written as text or in binary, it is the same vector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Vector(BTreeMap<String, BTreeSet<u16>>);

impl Vector {
    /// Adds a word without a place.
    pub(crate) fn add(&mut self, word: String) {
        if self.0.len() < WORDS_MAX && !word.is_empty() {
            self.0.entry(word).or_default();
        }
    }

    /// Adds a word at a place, counted from 1.
    pub(crate) fn add_at(&mut self, word: String, place: usize) {
        if self.0.len() >= WORDS_MAX && !self.0.contains_key(&word) {
            return;
        }
        let places = self.0.entry(word).or_default();
        if places.len() < PLACES_MAX {
            places.insert(u16::try_from(place).map_or(PLACE_MAX, |place| place.clamp(1, PLACE_MAX)));
        }
    }

    /// Writes it as text, to be cast to `tsvector`.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for (word, places) in &self.0 {
            let separator = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{separator}{}", quoted(word));
            for (nth, place) in places.iter().enumerate() {
                let _ = write!(text, "{}{place}", if nth == 0 { ':' } else { ',' });
            }
        }
        text
    }
}

/// Quotes a word for `tsvector` and `tsquery`.
pub(crate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\\', "\\\\").replace('\'', "''"))
}

/// As `tsvectorrecv` reads it: the number of words, each ended by a zero, with its places.
impl Encode<'_, Postgres> for Vector {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(&u32::try_from(self.0.len())?.to_be_bytes());
        for (word, places) in &self.0 {
            buffer.extend_from_slice(word.as_bytes());
            buffer.push(0);
            buffer.extend_from_slice(&u16::try_from(places.len())?.to_be_bytes());
            for place in places {
                buffer.extend_from_slice(&place.to_be_bytes());
            }
        }
        Ok(IsNull::No)
    }
}
