//! The genres of a movie.

use serde::{Deserialize, Serialize};

use super::InvalidValue;
use crate::string_newtype::string_newtype;

/// Longest genre, in characters.
pub(crate) const GENRE_LENGTH_MAX: usize = 40;
const GENRES_MAX: usize = 10;

string_newtype! {
    /// One genre as a slug, `science-fiction`: 1-40 characters of `[a-z0-9-]`. The set is open.
    #[derive(Debug)]
    Genre
}

impl Genre {
    /// Parses a genre: words of `[a-z0-9]` joined by single hyphens, 1-40 characters, nothing trimmed.
    ///
    /// # Errors
    /// `INVALID_GENRE` for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let is_word =
            |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if text.len() <= GENRE_LENGTH_MAX && text.split('-').all(is_word) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidValue::new(
                "INVALID_GENRE",
                format!("must be 1 to {GENRE_LENGTH_MAX} characters: words of a-z and 0-9 joined by hyphens"),
            ))
        }
    }
}

/// The genres of a movie in the order given: 1-10, none twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Genres(Vec<Genre>);

impl Genres {
    /// Parses a list of 1-10 genres, none twice.
    ///
    /// # Errors
    /// `TOO_SHORT`, `TOO_LONG`, `INVALID_GENRE`, `DUPLICATE_GENRE`; the detail counts the genres from 1.
    pub fn parse(texts: Vec<String>) -> Result<Self, InvalidValue> {
        if texts.is_empty() {
            return Err(InvalidValue::new("TOO_SHORT", "must name at least one genre"));
        }
        if texts.len() > GENRES_MAX {
            return Err(InvalidValue::new(
                "TOO_LONG",
                format!("must name at most {GENRES_MAX} genres"),
            ));
        }
        let mut genres: Vec<Genre> = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            let place = index + 1;
            let genre = Genre::parse(text)
                .map_err(|error| InvalidValue::new(error.code, format!("genre {place} {}", error.detail)))?;
            if genres.contains(&genre) {
                return Err(InvalidValue::new(
                    "DUPLICATE_GENRE",
                    format!("genre {place} must not repeat another one"),
                ));
            }
            genres.push(genre);
        }
        Ok(Self(genres))
    }

    /// Gives the genres in order.
    #[must_use]
    pub fn as_slice(&self) -> &[Genre] {
        &self.0
    }
}
