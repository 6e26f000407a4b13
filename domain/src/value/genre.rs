//! The genres of a movie.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::InvalidValue;
use super::list::{ListRule, list_newtype};
use super::text::parse_line;

/// Longest slug, in characters.
pub(crate) const GENRE_LENGTH_MAX: usize = 40;
const LABEL_LENGTH_MAX: usize = 60;
const RULE: ListRule = ListRule {
    items: "genres",
    most: 10,
    twice: "DUPLICATE_GENRE",
};

/// One genre: a slug by which programs know it, `science-fiction`, and a label that people read, `Science Fiction`. The set
/// is open.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Genre {
    slug: String,
    label: String,
}

impl Genre {
    /// Parses a slug: words of `[a-z0-9]` joined by single hyphens, 1-40 characters, nothing trimmed. Its words are the
    /// label.
    ///
    /// # Errors
    /// `INVALID_GENRE` for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let is_word =
            |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if text.len() <= GENRE_LENGTH_MAX && text.split('-').all(is_word) {
            Ok(Self {
                slug: text.to_owned(),
                label: label_of(text),
            })
        } else {
            Err(InvalidValue::new(
                "INVALID_GENRE",
                format!("must be 1 to {GENRE_LENGTH_MAX} characters: words of a-z and 0-9 joined by hyphens"),
            ))
        }
    }

    /// Parses a label, one line of 1-60 characters, and the slug that goes with it; without one, it is made of the label's
    /// letters of a-z, accents left out, and digits.
    ///
    /// # Errors
    /// `TOO_SHORT`, `TOO_LONG`, `CONTROL_CHARACTER` for the label; `INVALID_GENRE` for the slug, also when none can be made.
    pub fn labelled(label: &str, slug: Option<&str>) -> Result<Self, InvalidValue> {
        let label = parse_line(label, LABEL_LENGTH_MAX)?;
        let parsed = match slug {
            Some(slug) => Self::parse(slug)?,
            None => Self::parse(&slug_of(&label)).map_err(|_no_slug| {
                InvalidValue::new(
                    "INVALID_GENRE",
                    "must have a slug of a-z, 0-9 and hyphens, for its label makes none",
                )
            })?,
        };
        Ok(Self { label, ..parsed })
    }

    /// Gives the slug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.slug
    }

    /// Gives the label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }
}

impl std::fmt::Display for Genre {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.slug)
    }
}

/// Makes `Science Fiction` of `science-fiction`: how a genre is read that was written down before there were labels.
pub(crate) fn label_of(slug: &str) -> String {
    let capitalized = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
            .unwrap_or_default()
    };
    slug.split('-').map(capitalized).collect::<Vec<_>>().join(" ")
}

/// Empty when the label has a letter that is none of a-z without its accents: a slug without it would be another word's.
fn slug_of(label: &str) -> String {
    let letters: String = label
        .nfd()
        .filter(|c| !unicode_normalization::char::is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect();
    if letters.chars().any(|c| c.is_alphanumeric() && !c.is_ascii()) {
        return String::new();
    }
    let words = letters.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

list_newtype! {
    /// The genres of a movie in the order given: 0-10, no slug twice. None means that none is known.
    Genres of Genre, by RULE
}

impl Genres {
    /// Parses a list of 0-10 slugs, none twice.
    ///
    /// # Errors
    /// `TOO_LONG`, `INVALID_GENRE`, `DUPLICATE_GENRE`; the detail counts the genres from 1.
    pub fn parse(slugs: Vec<String>) -> Result<Self, InvalidValue> {
        let parsed = slugs.iter().enumerate().map(|(index, text)| {
            Genre::parse(text)
                .map_err(|error| InvalidValue::new(error.code, format!("genre {} {}", index + 1, error.detail)))
        });
        Self::of(parsed.collect::<Result<_, _>>()?)
    }

    /// Takes 0-10 genres, no slug twice.
    ///
    /// # Errors
    /// `TOO_LONG`, `DUPLICATE_GENRE`; the detail counts the genres from 1.
    pub fn of(genres: Vec<Genre>) -> Result<Self, InvalidValue> {
        RULE.check(genres, |genre| genre.slug.clone()).map(Self)
    }
}
