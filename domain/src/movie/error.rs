//! Why a command to a movie is rejected.

use crate::{Rejection, RejectionKind};

/// A rejected command to a movie's stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MovieError {
    /// No movie was ever announced under this id.
    #[error("there is no movie with this id")]
    NotFound,
    /// A movie is announced under this id.
    #[error("a movie with this id is announced already")]
    AlreadyExists,
    /// The movie was withdrawn; only a new release comes after it.
    #[error("the movie with this id was withdrawn; `\"new_release\": true` in its announcement brings it back")]
    Withdrawn,
}

impl Rejection for MovieError {
    fn kind(&self) -> RejectionKind {
        match self {
            Self::NotFound => RejectionKind::NotFound,
            Self::AlreadyExists => RejectionKind::Exists,
            Self::Withdrawn => RejectionKind::Gone,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "MOVIE_NOT_FOUND",
            Self::AlreadyExists => "MOVIE_ALREADY_EXISTS",
            Self::Withdrawn => "MOVIE_WITHDRAWN",
        }
    }
}
