//! Why events could not be applied, and whether trying again can help.

use domain::Position;

/// Why a projection could not apply events.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A rule of the read model does not hold. Deterministic: the event's stream is parked.
    #[error("the event at position {} breaks a rule of the read model: {reason}", .position.0)]
    Rule {
        /// The event.
        position: Position,
        /// Which rule; no personal data, it is shown to operators.
        reason: String,
    },
    /// The database refused or could not be reached. SQLSTATE class 22 (data) and 23 (constraints) are
    /// deterministic, anything else is tried again.
    #[error("the read model's database failed")]
    Database(#[from] sqlx::Error),
}

impl ApplyError {
    /// Tells whether the same events would fail again in the same way.
    pub(crate) fn is_deterministic(&self) -> bool {
        match self {
            Self::Rule { .. } => true,
            Self::Database(error) => refused_for_its_data(error),
        }
    }
}

/// Tells whether the database refused a statement for its data: SQLSTATE class 22 or 23.
pub(crate) fn refused_for_its_data(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}
