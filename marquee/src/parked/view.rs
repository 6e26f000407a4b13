//! What the projections service says of parked events.

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// A parked stream, by its first parked event.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ParkedStream {
    pub(crate) aggregate_type: String,
    pub(crate) aggregate_id: String,
    pub(crate) position: i64,
    pub(crate) sequence: i64,
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    pub(crate) event_version: String,
    pub(crate) reason: String,
    pub(crate) detail: Option<String>,
    pub(crate) parked_at: Option<DateTime<Utc>>,
    /// Later events of the stream that wait.
    pub(crate) behind: i64,
    /// They themselves, where one stream is shown.
    pub(crate) later: Vec<LaterEvent>,
}

/// An event that waits behind another one of its stream.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LaterEvent {
    pub(crate) position: i64,
    pub(crate) sequence: i64,
    pub(crate) event_type: String,
    pub(crate) reason: String,
    pub(crate) detail: Option<String>,
}

/// What became of a stream's parked events.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Retried {
    pub(crate) applied: i64,
    pub(crate) discarded: i64,
    pub(crate) still_parked: i64,
    /// Why the first of those that are still parked could not be applied.
    pub(crate) reason: Option<String>,
    pub(crate) detail: Option<String>,
}

impl ParkedStream {
    /// `user/1`.
    pub(crate) fn stream(&self) -> String {
        format!("{}/{}", self.aggregate_type, self.aggregate_id)
    }
}
