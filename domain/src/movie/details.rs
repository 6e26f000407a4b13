//! What is told of a movie, apart from when it starts.

use serde::{Deserialize, Serialize};

use crate::{AgeRating, Genres, MovieEvent, RuntimeMinutes, Synopsis, Title};

/// The details of a movie: everything but its premiere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MovieDetails {
    /// Title as shown.
    pub title: Title,
    /// What it is about.
    pub synopsis: Synopsis,
    /// Length.
    pub runtime_minutes: RuntimeMinutes,
    /// Who may see it.
    pub age_rating: AgeRating,
    /// Its genres, in the order given.
    pub genres: Genres,
}

impl MovieDetails {
    pub(super) fn into_updated(self) -> MovieEvent {
        let Self {
            title,
            synopsis,
            runtime_minutes,
            age_rating,
            genres,
        } = self;
        MovieEvent::DetailsUpdated {
            title,
            synopsis,
            runtime_minutes,
            age_rating,
            genres,
        }
    }
}
