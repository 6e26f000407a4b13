//! What may be asked of a cinema.

use crate::{Address, CinemaName, CityId, MovieId, MovieStanding, TimeZone};

/// A command to a cinema's stream.
#[derive(Clone, Debug, PartialEq)]
pub enum CinemaCommand {
    /// Opens a new cinema.
    Open {
        /// Name as shown.
        name: CinemaName,
        /// The city it stands in.
        city_id: CityId,
        /// Where in the city.
        address: Address,
        /// IANA time zone its days are counted in.
        time_zone: TimeZone,
    },
    /// Replaces all details; equal ones change nothing.
    UpdateDetails {
        /// Name as shown.
        name: CinemaName,
        /// The city it stands in.
        city_id: CityId,
        /// Where in the city.
        address: Address,
        /// IANA time zone its days are counted in.
        time_zone: TimeZone,
    },
    /// Adds a movie at the end of the programme; one already there changes nothing.
    AddToProgramme {
        /// The movie.
        movie_id: MovieId,
        /// How the movie stands, looked up by the caller.
        movie: MovieStanding,
    },
    /// Removes a movie from the programme, whatever its standing; one not there changes nothing.
    RemoveFromProgramme {
        /// The movie.
        movie_id: MovieId,
    },
    /// Closes the cinema for ever.
    Close,
}
