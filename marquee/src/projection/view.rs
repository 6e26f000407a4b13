//! What the projections service says, as far as it is shown. Fields that are not known are passed over, and those that an
//! older service does not send are missing.

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// How a projection is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ProjectionView {
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) position: Option<i64>,
    pub(crate) head: Option<i64>,
    pub(crate) lag_events: Option<i64>,
    pub(crate) lag_seconds: Option<i64>,
    pub(crate) events_per_second: Option<f64>,
    pub(crate) generation: Option<i64>,
    /// Of the code that made the live generation.
    pub(crate) version: Option<i32>,
    /// Of the code that runs.
    pub(crate) code_version: Option<i32>,
    pub(crate) parked_streams: Option<i64>,
    pub(crate) paused: Option<PausedView>,
    pub(crate) retired_generation: Option<RetiredView>,
    pub(crate) rebuild: Option<RebuildView>,
    pub(crate) queue: Option<QueueView>,
    pub(crate) last_error: Option<String>,
    pub(crate) last_error_at: Option<DateTime<Utc>>,
    /// Of an answer to an operator: what is still to happen.
    pub(crate) pending: Option<PendingView>,
}

/// A change that not every consumer has taken yet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PendingView {
    pub(crate) consumers: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PausedView {
    pub(crate) by: String,
    pub(crate) at: Option<DateTime<Utc>>,
    pub(crate) reason: Option<String>,
}

/// The generation that a rollback would switch to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RetiredView {
    pub(crate) number: i64,
    pub(crate) version: i32,
    pub(crate) position: i64,
}

/// The last rebuild or rollback, in short.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RebuildView {
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) phase: Option<String>,
    pub(crate) percent: Option<f64>,
}

impl RebuildView {
    pub(crate) fn is_running(&self) -> bool {
        self.state == "running"
    }
}

/// The queue on the broker.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct QueueView {
    pub(crate) name: String,
    pub(crate) messages: Option<i64>,
    pub(crate) consumers: Option<i64>,
}

/// One answer of a list.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PageView<T> {
    pub(crate) items: Vec<T>,
    #[serde(default)]
    pub(crate) next_cursor: Option<String>,
}
