//! What can happen to a cinema.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::{Address, CinemaName, CityId, MovieId, TimeZone};

/// An event of a cinema's stream. The tag is the event type, which is also the routing key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum CinemaEvent {
    /// The cinema was opened.
    #[serde(rename = "cinema.opened")]
    Opened {
        /// Name as shown.
        name: CinemaName,
        /// The city it stands in.
        city_id: CityId,
        /// Where in the city.
        address: Address,
        /// IANA time zone its days are counted in.
        time_zone: TimeZone,
    },
    /// Details as they are from now on.
    #[serde(rename = "cinema.details.updated")]
    DetailsUpdated {
        /// Name as shown.
        name: CinemaName,
        /// The city it stands in.
        city_id: CityId,
        /// Where in the city.
        address: Address,
        /// IANA time zone its days are counted in.
        time_zone: TimeZone,
    },
    /// A movie was added to the programme, at its end.
    #[serde(rename = "cinema.programme.movie_added")]
    MovieAdded {
        /// The movie.
        movie_id: MovieId,
    },
    /// A movie was removed from the programme.
    #[serde(rename = "cinema.programme.movie_removed")]
    MovieRemoved {
        /// The movie.
        movie_id: MovieId,
    },
    /// The cinema was closed; the last event of the stream.
    #[serde(rename = "cinema.closed")]
    Closed {},
}

impl DomainEvent for CinemaEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Opened { .. } => "cinema.opened",
            Self::DetailsUpdated { .. } => "cinema.details.updated",
            Self::MovieAdded { .. } => "cinema.programme.movie_added",
            Self::MovieRemoved { .. } => "cinema.programme.movie_removed",
            Self::Closed {} => "cinema.closed",
        }
        .into()
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}
