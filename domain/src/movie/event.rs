//! What can happen to a movie.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::{AgeRating, Genres, PremiereDate, RuntimeMinutes, Synopsis, Title};

/// An event of a movie's stream. The tag is the event type, which is also the routing key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum MovieEvent {
    /// The movie was announced. Version 1 had a single `genre`; version 2 has `genres`.
    #[serde(rename = "movie.announced")]
    Announced {
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
    /// All details but the premiere, as they are from now on.
    #[serde(rename = "movie.details.updated")]
    DetailsUpdated {
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
    /// The premiere moved to another day.
    #[serde(rename = "movie.premiere.rescheduled")]
    PremiereRescheduled {
        /// First day it is shown.
        premiere_date: PremiereDate,
    },
    /// The movie was withdrawn; the last event of the stream.
    #[serde(rename = "movie.withdrawn")]
    Withdrawn {},
}

impl DomainEvent for MovieEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Announced { .. } => "movie.announced",
            Self::DetailsUpdated { .. } => "movie.details.updated",
            Self::PremiereRescheduled { .. } => "movie.premiere.rescheduled",
            Self::Withdrawn {} => "movie.withdrawn",
        }
        .into()
    }

    fn event_version(&self) -> String {
        match self {
            Self::Announced { .. } => "2",
            _ => "1",
        }
        .into()
    }
}
