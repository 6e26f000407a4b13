//! A movie: announced, with details and a premiere, until withdrawn, and perhaps announced again.

mod command;
mod details;
mod error;
mod event;
mod standing;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::MovieCommand;
pub use details::{Announcement, MovieDetails, Premiere};
pub use error::MovieError;
pub use event::MovieEvent;
pub use standing::MovieStanding;

/// A movie as the history of its stream has made it.
///
/// ```text
/// unknown ──announced──▶ announced ──withdrawn──▶ withdrawn ──announced, as a new release──▶ announced
///                         details, premiere: any number of times
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Movie {
    state: State,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum State {
    #[default]
    Unknown,
    Announced(Box<Announcement>),
    Withdrawn,
}

impl Movie {
    /// Gives the present details; `None` before the announcement and after the withdrawal.
    #[must_use]
    pub fn details(&self) -> Option<&MovieDetails> {
        self.announcement().map(|announcement| &announcement.details)
    }

    /// Gives the present premiere; `None` before the announcement and after the withdrawal.
    #[must_use]
    pub fn premiere(&self) -> Option<&Premiere> {
        self.announcement().map(|announcement| &announcement.premiere)
    }

    /// Tells what a cinema has to know of the movie.
    #[must_use]
    pub fn standing(&self) -> MovieStanding {
        match &self.state {
            State::Unknown => MovieStanding::Unknown,
            State::Announced(_) => MovieStanding::Announced,
            State::Withdrawn => MovieStanding::Withdrawn,
        }
    }

    fn announcement(&self) -> Option<&Announcement> {
        match &self.state {
            State::Announced(announcement) => Some(announcement),
            State::Unknown | State::Withdrawn => None,
        }
    }

    fn decide(&self, command: MovieCommand) -> Result<Option<MovieEvent>, MovieError> {
        match (&self.state, command) {
            (State::Announced(announcement), command) => announcement.decide(command),
            (State::Unknown, MovieCommand::Announce { announcement, .. })
            | (
                State::Withdrawn,
                MovieCommand::Announce {
                    announcement,
                    new_release: true,
                },
            ) => Ok(Some(MovieEvent::Announced(announcement))),
            (State::Unknown, _) => Err(MovieError::NotFound),
            (State::Withdrawn, _) => Err(MovieError::Withdrawn),
        }
    }
}

impl Announcement {
    fn decide(&self, command: MovieCommand) -> Result<Option<MovieEvent>, MovieError> {
        match command {
            MovieCommand::Announce { .. } => Err(MovieError::AlreadyExists),
            MovieCommand::UpdateDetails(details) => {
                Ok((*details != self.details).then_some(MovieEvent::DetailsUpdated(details)))
            }
            MovieCommand::ReschedulePremiere(premiere) => {
                Ok((premiere != self.premiere).then_some(MovieEvent::PremiereRescheduled(premiere)))
            }
            MovieCommand::Withdraw => Ok(Some(MovieEvent::Withdrawn {})),
        }
    }
}

impl Aggregate for Movie {
    const TYPE: &'static str = "movie";
    type Command = MovieCommand;
    type Event = MovieEvent;
    type Error = MovieError;
    type Services = ();

    async fn handle(&mut self, command: MovieCommand, (): &(), sink: &EventSink<Self>) -> Result<(), MovieError> {
        if let Some(event) = self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    /// Never fails: an event that does not fit the state, which no command can have written, changes nothing.
    fn apply(&mut self, event: MovieEvent) {
        match (&mut self.state, event) {
            (State::Unknown | State::Withdrawn, MovieEvent::Announced(announcement)) => {
                self.state = State::Announced(announcement);
            }
            (State::Announced(announcement), MovieEvent::DetailsUpdated(details)) => announcement.details = *details,
            (State::Announced(announcement), MovieEvent::PremiereRescheduled(premiere)) => {
                announcement.premiere = premiere;
            }
            (State::Announced(_), MovieEvent::Withdrawn {}) => self.state = State::Withdrawn,
            (State::Unknown | State::Announced(_) | State::Withdrawn, _) => {}
        }
    }
}
