//! An event as it is recorded in the log and carried on the bus: identity, place and payload.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{DecodeError, Event};

/// A place in the whole log: dense, from 1, in commit order. 0 stands before the first event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub i64);

/// A place in one stream: dense, from 1. 0 stands for a stream without events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub i64);

/// Where an event came from. Every field is a plain string in the log's metadata; absent ones are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The request the event belongs to (the `Request-Id`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// What caused the event: the command's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// On whose behalf; `anonymous` without authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// W3C Trace Context of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// One event of the log, the same whether it was read from the log or received from the bus.
///
/// The principal stays in the log: an envelope from the bus has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// Identity of the log; changes when the log is restored or promoted.
    pub log_id: Uuid,
    /// Place in the whole log.
    pub position: Position,
    /// Identity of the event.
    pub event_id: Uuid,
    /// `user`, `movie`, `cinema`: the kind of stream, and the exchange.
    pub aggregate_type: String,
    /// Which stream of its kind.
    pub aggregate_id: String,
    /// Place in the stream.
    pub sequence: Sequence,
    /// `user.profile.updated`: also the routing key.
    pub event_type: String,
    /// Version of the payload's shape.
    pub event_version: String,
    /// The payload as JSON text: an object, with the aggregate's `id` and the event's `type` among its fields.
    pub payload: String,
    /// Where the event came from.
    pub metadata: Metadata,
    /// When it was recorded, by the event store's clock.
    pub recorded_at: DateTime<Utc>,
}

impl Envelope {
    /// Decodes the payload, old versions upcast to the current one.
    ///
    /// # Errors
    /// [`DecodeError`] tells an event this code does not know from one that is damaged.
    pub fn decode(&self) -> Result<Event, DecodeError> {
        Event::decode(&self.event_type, &self.event_version, &self.payload)
    }
}
