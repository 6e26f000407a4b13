//! What a user may be to the platform.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::InvalidValue;

/// A role of a user.
///
/// The set is closed, and the log holds it for ever: a member is never removed or renamed. A new one comes with a new
/// version of the events that carry it, so that code which does not know it holds its place instead of calling the
/// event damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys tickets.
    Customer,
    /// Sells and checks tickets in a cinema.
    BoxOffice,
    /// Runs cinemas and their programmes.
    Manager,
    /// Runs the platform.
    Operator,
    /// May do everything.
    Admin,
}

impl Role {
    /// All roles.
    pub const VALUES: [Self; 5] = [
        Self::Customer,
        Self::BoxOffice,
        Self::Manager,
        Self::Operator,
        Self::Admin,
    ];

    /// Gives the name of the role as it is stored and spoken of over HTTP.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::BoxOffice => "box_office",
            Self::Manager => "manager",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Parses the name of a role, exactly as [`Role::as_str`] gives it.
    ///
    /// # Errors
    /// `UNKNOWN_ROLE` for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        Self::VALUES
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| {
                let names = Self::VALUES.map(Self::as_str).join(", ");
                InvalidValue::new("UNKNOWN_ROLE", format!("must be one of {names}"))
            })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
