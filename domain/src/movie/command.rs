//! What may be asked of a movie.

use crate::{AgeRating, Genres, PremiereDate, RuntimeMinutes, Synopsis, Title};

/// A command to a movie's stream.
#[derive(Clone, Debug, PartialEq)]
pub enum MovieCommand {
    /// Announces a new movie.
    Announce {
        /// Title as shown.
        title: Title,
        /// What it is about.
        synopsis: Synopsis,
        /// Length.
        runtime_minutes: RuntimeMinutes,
        /// Who may see it.
        age_rating: AgeRating,
        /// Its genres, in the order given.
        genres: Genres,
        /// First day it is shown.
        premiere_date: PremiereDate,
    },
    /// Replaces all details but the premiere; equal ones change nothing.
    UpdateDetails {
        /// Title as shown.
        title: Title,
        /// What it is about.
        synopsis: Synopsis,
        /// Length.
        runtime_minutes: RuntimeMinutes,
        /// Who may see it.
        age_rating: AgeRating,
        /// Its genres, in the order given.
        genres: Genres,
    },
    /// Moves the premiere to another day; the same day changes nothing.
    ReschedulePremiere {
        /// First day it is shown.
        premiere_date: PremiereDate,
    },
    /// Withdraws the movie for ever.
    Withdraw,
}
