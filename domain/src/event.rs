//! Any event of the business, and the one way from stored JSON to it.

use crate::{CinemaEvent, MovieEvent, UserEvent};

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
    /// # Errors
    /// [`DecodeError`] tells an event this code does not know from one that is damaged.
    pub fn decode(_event_type: &str, _event_version: &str, _payload: &str) -> Result<Self, DecodeError> {
        unimplemented!("the domain crate's work in progress")
    }
}
