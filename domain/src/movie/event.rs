//! What can happen to a movie.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{Announcement, MovieDetails, Premiere};

/// An event of a movie's stream. The tag is the event type, which is also the routing key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum MovieEvent {
    /// The movie was announced, for the first time or, after a withdrawal, as a new release. Version 1 had a single `genre`;
    /// version 2 had `genres` as slugs, an `age_rating` of five, and everything known.
    #[serde(rename = "movie.announced")]
    Announced(Box<Announcement>),
    /// All details but the premiere, as they are from now on. Version 1 was as version 2 of the announcement.
    #[serde(rename = "movie.details.updated")]
    DetailsUpdated(Box<MovieDetails>),
    /// The premiere moved to another time. Version 1 knew days only.
    #[serde(rename = "movie.premiere.rescheduled")]
    PremiereRescheduled(Premiere),
    /// The movie was withdrawn; only a new release comes after it.
    #[serde(rename = "movie.withdrawn")]
    Withdrawn {},
}

impl DomainEvent for MovieEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Announced(_) => "movie.announced",
            Self::DetailsUpdated(_) => "movie.details.updated",
            Self::PremiereRescheduled(_) => "movie.premiere.rescheduled",
            Self::Withdrawn {} => "movie.withdrawn",
        }
        .into()
    }

    fn event_version(&self) -> String {
        match self {
            Self::Announced(_) => "3",
            Self::DetailsUpdated(_) | Self::PremiereRescheduled(_) => "2",
            Self::Withdrawn {} => "1",
        }
        .into()
    }
}
