//! Who made a movie.

use serde::{Deserialize, Serialize};

use super::InvalidValue;
use super::list::{ListRule, list_newtype, parse_key};
use super::text::parse_line;

const NAME_LENGTH_MAX: usize = 200;
const RULE: ListRule = ListRule {
    items: "credits",
    most: 400,
    twice: "DUPLICATE_CREDIT",
};

/// A person, or a company, and what it did for a movie.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Credit {
    name: String,
    role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    character: Option<String>,
}

impl Credit {
    /// Parses a name, a line of 1-200 characters; a role, `director`, `actor`, `writer` or any other word of a-z, 0-9 and
    /// hyphens; and the character that was played, a line of 1-200 characters.
    ///
    /// # Errors
    /// `TOO_SHORT`, `TOO_LONG`, `CONTROL_CHARACTER`, `INVALID_ROLE`.
    pub fn parse(name: &str, role: &str, character: Option<&str>) -> Result<Self, InvalidValue> {
        Ok(Self {
            name: parse_line(name, NAME_LENGTH_MAX)?,
            role: parse_key(role, "INVALID_ROLE")?,
            character: character.map(|text| parse_line(text, NAME_LENGTH_MAX)).transpose()?,
        })
    }

    /// Gives the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives the role, in lower case.
    #[must_use]
    pub fn role(&self) -> &str {
        &self.role
    }

    /// Gives the character that was played.
    #[must_use]
    pub fn character(&self) -> Option<&str> {
        self.character.as_deref()
    }
}

list_newtype! {
    /// Who made a movie, in the order given: 0-400, none twice.
    Credits of Credit, by RULE
}

impl Credits {
    /// Takes 0-400 credits, none twice.
    ///
    /// # Errors
    /// `TOO_LONG`, `DUPLICATE_CREDIT`.
    pub fn parse(credits: Vec<Credit>) -> Result<Self, InvalidValue> {
        RULE.check(credits, Clone::clone).map(Self)
    }
}
