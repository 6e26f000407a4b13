//! Why a command to a cinema is rejected.

use super::PROGRAMME_MAX;
use crate::{Rejection, RejectionKind};

/// A rejected command to a cinema's stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CinemaError {
    /// No cinema was ever opened under this id.
    #[error("there is no cinema with this id")]
    NotFound,
    /// A cinema is open under this id.
    #[error("a cinema with this id is open already")]
    AlreadyExists,
    /// The cinema was closed; the id is never used again.
    #[error("the cinema with this id was closed")]
    Closed,
    /// The movie to be added was never announced.
    #[error("there is no movie with this id")]
    MovieNotFound,
    /// The movie to be added was withdrawn.
    #[error("the movie was withdrawn and cannot be shown")]
    MovieWithdrawn,
    /// The programme holds as many movies as it may.
    #[error("the programme is full: it holds {PROGRAMME_MAX} movies")]
    ProgrammeFull,
}

impl Rejection for CinemaError {
    fn kind(&self) -> RejectionKind {
        match self {
            Self::NotFound | Self::MovieNotFound => RejectionKind::NotFound,
            Self::AlreadyExists => RejectionKind::Exists,
            Self::Closed => RejectionKind::Gone,
            Self::MovieWithdrawn | Self::ProgrammeFull => RejectionKind::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "CINEMA_NOT_FOUND",
            Self::AlreadyExists => "CINEMA_ALREADY_EXISTS",
            Self::Closed => "CINEMA_CLOSED",
            Self::MovieNotFound => "MOVIE_NOT_FOUND",
            Self::MovieWithdrawn => "MOVIE_WITHDRAWN",
            Self::ProgrammeFull => "PROGRAMME_FULL",
        }
    }
}
