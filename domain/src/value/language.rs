//! Languages, and titles in them.

use oxilangtag::LanguageTag;
use serde::{Deserialize, Serialize};

use super::list::{ListRule, list_newtype};
use super::{InvalidValue, Title};
use crate::string_newtype::string_newtype;

const LENGTH_MAX: usize = 35;
const LANGUAGES: ListRule = ListRule {
    items: "languages",
    most: 50,
    twice: "DUPLICATE_LANGUAGE",
};
const TITLES: ListRule = ListRule {
    items: "titles",
    most: 100,
    twice: "DUPLICATE_LANGUAGE",
};

string_newtype! {
    /// A language by its tag of BCP 47, `de`, `zh-Hant`, `pt-BR`; `zxx` where nothing is spoken.
    #[derive(Debug)]
    Language
}

impl Language {
    /// Parses a tag of BCP 47, in any case, of a language that ISO 639 knows; at most 35 characters.
    ///
    /// # Errors
    /// `INVALID_LANGUAGE` for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let tag = (text.len() <= LENGTH_MAX)
            .then(|| LanguageTag::parse_and_normalize(text).ok())
            .flatten()
            .filter(|tag| is_known(tag.primary_language()));
        match tag {
            Some(tag) => Ok(Self(tag.into_inner())),
            None => Err(InvalidValue::new(
                "INVALID_LANGUAGE",
                "must be a language tag of BCP 47, such as de, zh-Hant or pt-BR",
            )),
        }
    }
}

/// Asks ISO 639-1 and 639-3. `sh` is Serbo-Croatian, which 639-1 has given up and films are in.
fn is_known(primary: &str) -> bool {
    match primary.len() {
        2 => primary == "sh" || isolang::Language::from_639_1(primary).is_some(),
        3 => isolang::Language::from_639_3(primary).is_some(),
        _ => false,
    }
}

list_newtype! {
    /// The languages a movie is spoken in: 0-50, none twice. None means that none is known.
    Languages of Language, by LANGUAGES
}

impl Languages {
    /// Takes 0-50 languages, none twice.
    ///
    /// # Errors
    /// `TOO_LONG`, `DUPLICATE_LANGUAGE`.
    pub fn parse(languages: Vec<Language>) -> Result<Self, InvalidValue> {
        LANGUAGES.check(languages, Clone::clone).map(Self)
    }
}

/// A title a movie has in a language.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LocalTitle {
    /// The language.
    pub language: Language,
    /// The title in it.
    pub title: Title,
}

list_newtype! {
    /// The titles of a movie in languages: 0-100, one in each.
    LocalTitles of LocalTitle, by TITLES
}

impl LocalTitles {
    /// Takes 0-100 titles, one in each language.
    ///
    /// # Errors
    /// `TOO_LONG`, `DUPLICATE_LANGUAGE`.
    pub fn parse(titles: Vec<LocalTitle>) -> Result<Self, InvalidValue> {
        TITLES.check(titles, |local| local.language.clone()).map(Self)
    }
}
