//! Plain text of bounded length: titles, names, addresses, synopses.

use super::{InvalidValue, shows_something};
use crate::string_newtype::string_newtype;

string_newtype! {
    /// Title of a movie as shown: one line of 1-200 characters.
    #[derive(Debug)]
    Title
}

string_newtype! {
    /// What a movie is about: 0-5000 characters, line breaks and tabs allowed.
    #[derive(Debug)]
    Synopsis
}

string_newtype! {
    /// Name of a cinema as shown: one line of 1-200 characters.
    #[derive(Debug)]
    CinemaName
}

string_newtype! {
    /// Where in its city a cinema stands: one line of 1-500 characters.
    #[derive(Debug)]
    Address
}

impl Title {
    /// Parses a title: trimmed, one line, 1-200 characters, one of which is seen at least.
    ///
    /// # Errors
    /// `TOO_SHORT`, `TOO_LONG`, `CONTROL_CHARACTER`.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        parse_line(text, 200).map(Self)
    }
}

impl CinemaName {
    /// Parses a cinema's name: trimmed, one line, 1-200 characters, one of which is seen at least.
    ///
    /// # Errors
    /// `TOO_SHORT`, `TOO_LONG`, `CONTROL_CHARACTER`.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        parse_line(text, 200).map(Self)
    }
}

impl Address {
    /// Parses an address: trimmed, one line, 1-500 characters, one of which is seen at least.
    ///
    /// # Errors
    /// `TOO_SHORT`, `TOO_LONG`, `CONTROL_CHARACTER`.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        parse_line(text, 500).map(Self)
    }
}

impl Synopsis {
    /// Parses a synopsis: trimmed, 0-5000 characters, of the control characters only line breaks and tabs. One in which
    /// nothing can be seen is empty.
    ///
    /// # Errors
    /// `TOO_LONG`, `CONTROL_CHARACTER`.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        const LENGTH_MAX: usize = 5000;
        let text = trim(text);
        if text.chars().count() > LENGTH_MAX {
            return Err(InvalidValue::new(
                "TOO_LONG",
                format!("must be at most {LENGTH_MAX} characters"),
            ));
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(InvalidValue::new(
                "CONTROL_CHARACTER",
                "must not contain control characters other than line breaks and tabs",
            ));
        }
        Ok(Self(if shows_something(text) {
            text.to_owned()
        } else {
            String::new()
        }))
    }
}

/// Parses one visible line: trimmed, 1 to `length_max` characters (not bytes), no control characters.
pub(super) fn parse_line(text: &str, length_max: usize) -> Result<String, InvalidValue> {
    let text = trim(text);
    if text.is_empty() {
        return Err(InvalidValue::new("TOO_SHORT", "must not be empty"));
    }
    if text.chars().count() > length_max {
        return Err(InvalidValue::new(
            "TOO_LONG",
            format!("must be at most {length_max} characters"),
        ));
    }
    if text.chars().any(breaks_the_line) {
        return Err(InvalidValue::new(
            "CONTROL_CHARACTER",
            "must not contain control characters or line breaks",
        ));
    }
    if !shows_something(text) {
        return Err(InvalidValue::new("TOO_SHORT", "must have a character that can be seen"));
    }
    Ok(text.to_owned())
}

/// Trims white space and what takes no space at all: a name of nothing but zero-width spaces is empty.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{200B}' | '\u{2060}' | '\u{FEFF}'))
}

/// Tells characters that break or reorder the line they are shown in: control characters, line and paragraph
/// separators, and the bidirectional embeddings, overrides and isolates (Unicode UAX #9, 2.1-2.4).
pub(super) fn breaks_the_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
