//! The business of Marquee: aggregates, commands, events and rules.
//!
//! No I/O, no clock, no randomness: what a command needs to know of the world comes in with it. Only the time zone database
//! is looked at unasked, by [`TimeZone::parse`]; it is read once and never changes in a process.
//!
//! A [`UserCommand`], [`MovieCommand`] or [`CinemaCommand`] is decided by its aggregate, which answers with events or
//! with a [`Rejection`]. What was recorded comes back as an [`Envelope`], whose payload [`Event::decode`] reads.

mod cinema;
mod envelope;
mod event;
mod id;
mod movie;
mod rejection;
mod string_newtype;
mod upcast;
mod user;
mod value;

pub use cinema::{Cinema, CinemaCommand, CinemaDetails, CinemaError, CinemaEvent};
pub use envelope::{Envelope, Metadata, Position, Sequence};
pub use event::{DecodeError, Event, KNOWN_EVENTS, is_known};
pub use id::{CinemaId, CityId, MovieId, UserId};
pub use movie::{Announcement, Movie, MovieCommand, MovieDetails, MovieError, MovieEvent, MovieStanding, Premiere};
pub use rejection::{Rejection, RejectionKind};
pub use upcast::upcasters;
pub use user::{User, UserCommand, UserError, UserEvent};
pub use value::{
    Address, AgeRating, CinemaName, Countries, Country, CountryPremiere, CountryPremieres, Credit, Credits, Email,
    ExternalId, ExternalIds, FullName, Genre, Genres, InvalidValue, Language, Languages, LocalTitle, LocalTitles,
    PremiereDate, Rating, Ratings, Role, RuntimeMinutes, Synopsis, TimeZone, Title, shows_something,
};
