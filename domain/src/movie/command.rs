//! What may be asked of a movie.

use super::{Announcement, MovieDetails, Premiere};

/// A command to a movie's stream.
#[derive(Clone, Debug, PartialEq)]
pub enum MovieCommand {
    /// Announces a movie.
    Announce {
        /// All that is told of it.
        announcement: Box<Announcement>,
        /// Whether it may be one that was withdrawn. Nobody brings such a movie back by accident, as by a repeated request.
        new_release: bool,
    },
    /// Replaces all details but the premiere; equal ones change nothing.
    UpdateDetails(Box<MovieDetails>),
    /// Moves the premiere to another time; the same one changes nothing.
    ReschedulePremiere(Premiere),
    /// Withdraws the movie. Only a new release comes after it.
    Withdraw,
}
