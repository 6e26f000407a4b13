//! Why a command to a user is rejected.

use crate::{Rejection, RejectionKind};

/// A rejected command to a user's stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// Nobody was ever registered under this id.
    #[error("there is no user with this id")]
    NotFound,
    /// Somebody is registered under this id.
    #[error("a user with this id is registered already")]
    AlreadyExists,
    /// The user was deleted; the id is never used again.
    #[error("the user with this id was deleted")]
    Deleted,
}

impl Rejection for UserError {
    fn kind(&self) -> RejectionKind {
        match self {
            Self::NotFound => RejectionKind::NotFound,
            Self::AlreadyExists => RejectionKind::Exists,
            Self::Deleted => RejectionKind::Gone,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "USER_NOT_FOUND",
            Self::AlreadyExists => "USER_ALREADY_EXISTS",
            Self::Deleted => "USER_DELETED",
        }
    }
}
