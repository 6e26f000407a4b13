//! A movie: announced once, with details and a premiere, until withdrawn.

mod command;
mod details;
mod error;
mod event;
mod standing;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::MovieCommand;
pub use details::MovieDetails;
pub use error::MovieError;
pub use event::MovieEvent;
pub use standing::MovieStanding;

use crate::PremiereDate;

/// A movie as the history of its stream has made it.
///
/// ```text
/// unknown ──announced──▶ announced ──withdrawn──▶ withdrawn
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
    Announced(Announcement),
    Withdrawn,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Announcement {
    details: MovieDetails,
    premiere_date: PremiereDate,
}

impl Movie {
    /// Gives the present details; `None` before the announcement and after the withdrawal.
    #[must_use]
    pub fn details(&self) -> Option<&MovieDetails> {
        self.announcement().map(|announcement| &announcement.details)
    }

    /// Gives the present day of the premiere; `None` before the announcement and after the withdrawal.
    #[must_use]
    pub fn premiere_date(&self) -> Option<PremiereDate> {
        self.announcement().map(|announcement| announcement.premiere_date)
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
        match &self.state {
            State::Unknown => decide_unknown(command),
            State::Announced(announcement) => announcement.decide(command),
            State::Withdrawn => Err(MovieError::Withdrawn),
        }
    }
}

fn decide_unknown(command: MovieCommand) -> Result<Option<MovieEvent>, MovieError> {
    match command {
        MovieCommand::Announce {
            title,
            synopsis,
            runtime_minutes,
            age_rating,
            genres,
            premiere_date,
        } => Ok(Some(MovieEvent::Announced {
            title,
            synopsis,
            runtime_minutes,
            age_rating,
            genres,
            premiere_date,
        })),
        MovieCommand::UpdateDetails { .. } | MovieCommand::ReschedulePremiere { .. } | MovieCommand::Withdraw => {
            Err(MovieError::NotFound)
        }
    }
}

impl Announcement {
    fn decide(&self, command: MovieCommand) -> Result<Option<MovieEvent>, MovieError> {
        match command {
            MovieCommand::Announce { .. } => Err(MovieError::AlreadyExists),
            MovieCommand::UpdateDetails {
                title,
                synopsis,
                runtime_minutes,
                age_rating,
                genres,
            } => {
                let details = MovieDetails {
                    title,
                    synopsis,
                    runtime_minutes,
                    age_rating,
                    genres,
                };
                Ok((details != self.details).then(|| details.into_updated()))
            }
            MovieCommand::ReschedulePremiere { premiere_date } => {
                let moves = premiere_date != self.premiere_date;
                Ok(moves.then_some(MovieEvent::PremiereRescheduled { premiere_date }))
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
            (
                State::Unknown,
                MovieEvent::Announced {
                    title,
                    synopsis,
                    runtime_minutes,
                    age_rating,
                    genres,
                    premiere_date,
                },
            ) => {
                let details = MovieDetails {
                    title,
                    synopsis,
                    runtime_minutes,
                    age_rating,
                    genres,
                };
                self.state = State::Announced(Announcement { details, premiere_date });
            }
            (
                State::Announced(announcement),
                MovieEvent::DetailsUpdated {
                    title,
                    synopsis,
                    runtime_minutes,
                    age_rating,
                    genres,
                },
            ) => {
                announcement.details = MovieDetails {
                    title,
                    synopsis,
                    runtime_minutes,
                    age_rating,
                    genres,
                }
            }
            (State::Announced(announcement), MovieEvent::PremiereRescheduled { premiere_date }) => {
                announcement.premiere_date = premiere_date;
            }
            (State::Announced(_), MovieEvent::Withdrawn {}) => self.state = State::Withdrawn,
            (State::Unknown | State::Announced(_) | State::Withdrawn, _) => {}
        }
    }
}
