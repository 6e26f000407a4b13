//! The words of the vectors: each says by its first character where it was found.

use std::sync::LazyLock;

use icu_normalizer::DecomposingNormalizerBorrowed;
use rust_stemmers::{Algorithm, Stemmer};

use super::words::Token;

/// Longest lexeme made of a whole title, in bytes: the database takes 2,046.
pub(crate) const KEY_BYTES_MAX: usize = 1_000;
/// Shortest word that has a stem of its own.
const STEM_LENGTH_MIN: usize = 4;

/// Where a word was found. What is narrower counts as wider too: a word of a title is one of a name and one of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a title.
    Title,
    /// In a title or in the name of a person.
    Name,
    /// Anywhere.
    Text,
}

impl Place {
    /// Marks a word.
    pub(crate) fn lexeme(self, word: &str) -> String {
        let mark = match self {
            Self::Title => 't',
            Self::Name => 'n',
            Self::Text => 'w',
        };
        format!("{mark}{word}")
    }

    /// Marks the stem of a word that is not its own.
    pub(crate) fn stem_lexeme(self, stem: &str) -> String {
        let mark = match self {
            Self::Title | Self::Name => 'x',
            Self::Text => 's',
        };
        format!("{mark}{stem}")
    }
}

/// Marks a title from its beginning.
pub(crate) fn beginning(key: &str) -> String {
    format!("^{key}")
}

/// Marks a title as a whole, written without any space.
pub(crate) fn whole(key: &str) -> String {
    format!("={}", key.replace(' ', ""))
}

/// Gives the English stem of a word that is not its own stem.
pub(crate) fn stem(word: &str) -> Option<String> {
    static ENGLISH: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::English));
    if word.len() < STEM_LENGTH_MIN || !word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let stem = ENGLISH.stem(word);
    (stem != word).then(|| stem.into_owned())
}

/// Writes some characters of a script without spaces as one word. Syllables of Hangul are taken apart, so that one that is
/// typed in part is the beginning of the whole.
pub(crate) fn dense(chars: &[char]) -> String {
    let text: String = chars.iter().collect();
    if chars.iter().any(|c| matches!(c, '가'..='힣')) {
        return DecomposingNormalizerBorrowed::new_nfd().normalize(&text).into_owned();
    }
    text
}

/// Gives a text as it is compared from its beginning: words with a space between them, an acronym as one word, scripts
/// without spaces without any.
pub(crate) fn key(tokens: &[Token]) -> String {
    key_of(tokens, |token| match token {
        Token::Spaced(compound) => compound.words().join(" "),
        other => plain(other),
    })
}

/// Gives the same with all words that stood together as one.
pub(crate) fn joined_key(tokens: &[Token]) -> String {
    key_of(tokens, |token| match token {
        Token::Spaced(compound) => compound.as_one().to_owned(),
        other => plain(other),
    })
}

fn plain(token: &Token) -> String {
    match token {
        Token::Spaced(compound) => compound.words().join(" "),
        Token::Dense(run) => run.iter().collect(),
        Token::And => "and".to_owned(),
    }
}

fn key_of(tokens: &[Token], text: impl Fn(&Token) -> String) -> String {
    let mut key = String::new();
    let mut after_dense = false;
    for token in tokens {
        let is_dense = matches!(token, Token::Dense(_));
        let runs_on = is_dense && after_dense;
        if !key.is_empty() && !runs_on {
            key.push(' ');
        }
        key.push_str(&text(token));
        after_dense = is_dense;
    }
    bounded(key)
}

/// Cuts a key to what the database takes.
pub(crate) fn bounded(mut key: String) -> String {
    if key.len() > KEY_BYTES_MAX {
        let end = (0..=KEY_BYTES_MAX)
            .rev()
            .find(|end| key.is_char_boundary(*end))
            .unwrap_or(0);
        key.truncate(end);
    }
    key
}

/// What a text without any word is compared by: its signs.
pub(crate) fn signs(folded: &str) -> String {
    bounded(folded.split_whitespace().collect::<Vec<_>>().join(" "))
}
