//! A cinema: opened once, with details and a programme of movies, until closed.

mod command;
mod details;
mod error;
mod event;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::CinemaCommand;
pub use details::CinemaDetails;
pub use error::CinemaError;
pub use event::CinemaEvent;

use crate::{MovieId, MovieStanding};

/// Most movies a programme holds, withdrawn ones included until they are removed.
const PROGRAMME_MAX: usize = 500;

/// A cinema as the history of its stream has made it.
///
/// ```text
/// unknown ──opened──▶ open ──closed──▶ closed
///                      details, programme: any number of times
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cinema {
    state: State,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum State {
    #[default]
    Unknown,
    Open(House),
    Closed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct House {
    details: CinemaDetails,
    programme: Vec<MovieId>,
}

impl Cinema {
    /// Gives the present details; `None` before the opening and after the closing.
    #[must_use]
    pub fn details(&self) -> Option<&CinemaDetails> {
        self.house().map(|house| &house.details)
    }

    /// Gives the movies of the programme in the order they were added; none before the opening and after the closing.
    #[must_use]
    pub fn programme(&self) -> &[MovieId] {
        self.house().map_or(&[], |house| &house.programme)
    }

    fn house(&self) -> Option<&House> {
        match &self.state {
            State::Open(house) => Some(house),
            State::Unknown | State::Closed => None,
        }
    }

    fn decide(&self, command: CinemaCommand) -> Result<Option<CinemaEvent>, CinemaError> {
        match &self.state {
            State::Unknown => decide_unknown(command),
            State::Open(house) => house.decide(command),
            State::Closed => Err(CinemaError::Closed),
        }
    }
}

fn decide_unknown(command: CinemaCommand) -> Result<Option<CinemaEvent>, CinemaError> {
    match command {
        CinemaCommand::Open {
            name,
            city_id,
            address,
            time_zone,
        } => Ok(Some(CinemaEvent::Opened {
            name,
            city_id,
            address,
            time_zone,
        })),
        CinemaCommand::UpdateDetails { .. }
        | CinemaCommand::AddToProgramme { .. }
        | CinemaCommand::RemoveFromProgramme { .. }
        | CinemaCommand::Close => Err(CinemaError::NotFound),
    }
}

impl House {
    fn decide(&self, command: CinemaCommand) -> Result<Option<CinemaEvent>, CinemaError> {
        match command {
            CinemaCommand::Open { .. } => Err(CinemaError::AlreadyExists),
            CinemaCommand::UpdateDetails {
                name,
                city_id,
                address,
                time_zone,
            } => {
                let details = CinemaDetails {
                    name,
                    city_id,
                    address,
                    time_zone,
                };
                Ok((details != self.details).then(|| details.into_updated()))
            }
            CinemaCommand::AddToProgramme { movie_id, movie } => self.add_to_programme(movie_id, movie),
            CinemaCommand::RemoveFromProgramme { movie_id } => {
                Ok(self.shows(&movie_id).then_some(CinemaEvent::MovieRemoved { movie_id }))
            }
            CinemaCommand::Close => Ok(Some(CinemaEvent::Closed {})),
        }
    }

    /// Asks for the movie's standing first: "accepted" for a withdrawn movie that is still in the programme would tell
    /// the caller that it is being shown. Such a movie can only be removed.
    fn add_to_programme(&self, movie_id: MovieId, movie: MovieStanding) -> Result<Option<CinemaEvent>, CinemaError> {
        match movie {
            MovieStanding::Unknown => Err(CinemaError::MovieNotFound),
            MovieStanding::Withdrawn => Err(CinemaError::MovieWithdrawn),
            MovieStanding::Announced if self.shows(&movie_id) => Ok(None),
            MovieStanding::Announced if self.programme.len() >= PROGRAMME_MAX => Err(CinemaError::ProgrammeFull),
            MovieStanding::Announced => Ok(Some(CinemaEvent::MovieAdded { movie_id })),
        }
    }

    fn shows(&self, movie_id: &MovieId) -> bool {
        self.programme.contains(movie_id)
    }
}

impl Aggregate for Cinema {
    const TYPE: &'static str = "cinema";
    type Command = CinemaCommand;
    type Event = CinemaEvent;
    type Error = CinemaError;
    type Services = ();

    async fn handle(&mut self, command: CinemaCommand, (): &(), sink: &EventSink<Self>) -> Result<(), CinemaError> {
        if let Some(event) = self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    /// Never fails: an event that does not fit the state, which no command can have written, changes nothing.
    fn apply(&mut self, event: CinemaEvent) {
        match (&mut self.state, event) {
            (
                State::Unknown,
                CinemaEvent::Opened {
                    name,
                    city_id,
                    address,
                    time_zone,
                },
            ) => {
                let details = CinemaDetails {
                    name,
                    city_id,
                    address,
                    time_zone,
                };
                self.state = State::Open(House {
                    details,
                    programme: vec![],
                });
            }
            (
                State::Open(house),
                CinemaEvent::DetailsUpdated {
                    name,
                    city_id,
                    address,
                    time_zone,
                },
            ) => {
                house.details = CinemaDetails {
                    name,
                    city_id,
                    address,
                    time_zone,
                };
            }
            (State::Open(house), CinemaEvent::MovieAdded { movie_id }) if !house.shows(&movie_id) => {
                house.programme.push(movie_id);
            }
            (State::Open(house), CinemaEvent::MovieRemoved { movie_id }) => {
                house.programme.retain(|shown| *shown != movie_id);
            }
            (State::Open(_), CinemaEvent::Closed {}) => self.state = State::Closed,
            (State::Unknown | State::Open(_) | State::Closed, _) => {}
        }
    }
}
