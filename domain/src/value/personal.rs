//! Personal data: what names and reaches a person. It shows in events and answers, never in logs.

use std::fmt;

use super::InvalidValue;
use super::text::{parse_line, trim};
use super::visible::is_hidden;
use crate::string_newtype::string_newtype;

string_newtype! {
    /// A person's name as shown: one line of 1-200 characters. `Debug` does not show it.
    FullName
}

string_newtype! {
    /// An address for mail, plausible but not proved: at most 254 characters. `Debug` does not show it.
    Email
}

impl FullName {
    /// Parses a name: trimmed, one line, 1-200 characters, one of which is seen at least.
    ///
    /// # Errors
    /// `TOO_SHORT`, `TOO_LONG`, `CONTROL_CHARACTER`.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        parse_line(text, 200).map(Self)
    }
}

impl Email {
    /// Parses an address: trimmed, at most 254 characters (RFC 5321, 4.5.3.1.3 less its brackets), one `@`, something
    /// before it, and after it a domain with a dot, nothing hidden. Only a mail sent there proves more, so nothing more is asked.
    ///
    /// # Errors
    /// `TOO_LONG`, `INVALID_EMAIL`.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        const LENGTH_MAX: usize = 254;
        let text = trim(text);
        if text.chars().count() > LENGTH_MAX {
            return Err(InvalidValue::new(
                "TOO_LONG",
                format!("must be at most {LENGTH_MAX} characters"),
            ));
        }
        if !is_plausible(text) {
            return Err(InvalidValue::new(
                "INVALID_EMAIL",
                "must be an e-mail address such as name@example.org, without spaces and hidden characters",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

fn is_plausible(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    !local.is_empty()
        && !domain.contains('@')
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty())
        && !text.chars().any(is_hidden)
}

impl fmt::Debug for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FullName(..)")
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}
