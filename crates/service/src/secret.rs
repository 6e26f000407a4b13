//! A secret that is never shown, and what makes one unfit for production.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// What examples, developers' machines and servers as they come are given.
const WELL_KNOWN: [&str; 21] = [
    "...",
    "admin",
    "change-me",
    "change_me",
    "changeit",
    "changeme",
    "default",
    "dev",
    "development",
    "example",
    "guest",
    "letmein",
    "marquee",
    "pass",
    "password",
    "postgres",
    "rabbitmq",
    "root",
    "secret",
    "test",
    "user",
];

/// A text that is never shown.
#[derive(Clone, Default)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for who has to use it. Never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Why a secret protects nothing: the end of a sentence that begins with what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Weakness {
    #[error("is missing")]
    Missing,
    #[error("is empty")]
    Empty,
    #[error("is one that everybody knows")]
    WellKnown,
    #[error("is the user's name")]
    UsersName,
}

/// Tells why a secret, of the user if it is a password, must not be used in production.
pub(crate) fn weakness(secret: Option<&str>, user: Option<&str>) -> Option<Weakness> {
    let Some(secret) = secret else {
        return Some(Weakness::Missing);
    };
    let secret = secret.trim();
    if secret.is_empty() {
        Some(Weakness::Empty)
    } else if WELL_KNOWN.iter().any(|known| secret.eq_ignore_ascii_case(known)) {
        Some(Weakness::WellKnown)
    } else if user.is_some_and(|user| secret.eq_ignore_ascii_case(user)) {
        Some(Weakness::UsersName)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Secret, Weakness, weakness};

    #[test]
    fn a_secret_is_never_shown() {
        let secret: Secret = "hunter2".parse().expect("any text");
        assert_eq!(format!("{:?}", Some(&secret)), "Some(Secret(..))");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn what_is_missing_empty_or_known_to_everybody_protects_nothing() {
        let user = Some("marquee_users");
        assert_eq!(weakness(None, user), Some(Weakness::Missing));
        assert_eq!(weakness(Some(""), user), Some(Weakness::Empty));
        assert_eq!(weakness(Some("  "), None), Some(Weakness::Empty));
        assert_eq!(weakness(Some("guest"), user), Some(Weakness::WellKnown));
        assert_eq!(weakness(Some("Secret"), None), Some(Weakness::WellKnown));
        assert_eq!(weakness(Some("marquee_users"), user), Some(Weakness::UsersName));
        assert_eq!(weakness(Some("marquee_users"), None), None);
        assert_eq!(weakness(Some("hunter2"), user), None);
    }
}
