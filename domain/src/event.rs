//! Any event of the business, and the one way from stored JSON to it.

mod known;

use cqrs_es::{Aggregate, DomainEvent};
use serde::de::{DeserializeOwned, Error};

pub use known::{KNOWN_EVENTS, is_known};

use crate::{Cinema, CinemaEvent, Movie, MovieEvent, User, UserEvent, upcast};

/// Any event of the business.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Of a user's stream.
    User(UserEvent),
    /// Of a movie's stream.
    Movie(MovieEvent),
    /// Of a cinema's stream.
    Cinema(CinemaEvent),
}

/// Why an event could not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// This code has never heard of the event type, or not of this version of it: newer code can read it.
    #[error("event {event_type} version {event_version} is not known to this code")]
    Unknown {
        /// The event type.
        event_type: String,
        /// Its version.
        event_version: String,
    },
    /// The payload does not have the shape its type and version promise; no code can read it.
    #[error("the payload of {event_type} version {event_version} cannot be read")]
    Malformed {
        /// The event type.
        event_type: String,
        /// Its version.
        event_version: String,
        /// What the decoder said.
        #[source]
        source: serde_json::Error,
    },
}

impl Event {
    /// Decodes a stored payload, old versions upcast to the current one.
    ///
    /// The payload's own `type` must be `event_type`. Fields the event does not have, such as `id`, are passed over.
    ///
    /// # Errors
    /// [`DecodeError`] tells an event this code does not know from one that is damaged.
    pub fn decode(event_type: &str, event_version: &str, payload: &str) -> Result<Self, DecodeError> {
        let unknown = || DecodeError::Unknown {
            event_type: event_type.to_owned(),
            event_version: event_version.to_owned(),
        };
        if !is_known(event_type, event_version) {
            return Err(unknown());
        }
        let decoded = match event_type.split('.').next() {
            Some(User::TYPE) => read(event_type, event_version, payload).map(Self::User),
            Some(Movie::TYPE) => read(event_type, event_version, payload).map(Self::Movie),
            Some(Cinema::TYPE) => read(event_type, event_version, payload).map(Self::Cinema),
            _ => return Err(unknown()),
        };
        decoded.map_err(|source| DecodeError::Malformed {
            event_type: event_type.to_owned(),
            event_version: event_version.to_owned(),
            source,
        })
    }
}

/// Reads the payload of a known event; only old versions take the way over a `Value`.
fn read<E: DomainEvent + DeserializeOwned>(
    event_type: &str,
    event_version: &str,
    payload: &str,
) -> Result<E, serde_json::Error> {
    // A tagged enum of serde would take an array for an object.
    if !payload.trim_start().starts_with('{') {
        return Err(Error::custom("the payload is not an object"));
    }
    let event: E = if upcast::is_old(event_type, event_version) {
        serde_json::from_value(upcast::to_current(
            event_type,
            event_version,
            serde_json::from_str(payload)?,
        ))?
    } else {
        serde_json::from_str(payload)?
    };
    if event.event_type() != event_type {
        return Err(Error::custom("the payload is of another type"));
    }
    Ok(event)
}
