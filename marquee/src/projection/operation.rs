//! A rebuild or a rollback, as the service tells of it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

/// The last or running operation of a projection.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Operation {
    pub(crate) projection: String,
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) phase: Option<String>,
    /// What is built, or switched to.
    pub(crate) generation: Option<i64>,
    /// What was live when it began.
    pub(crate) from_generation: Option<i64>,
    pub(crate) dry_run: bool,
    pub(crate) events_done: Option<i64>,
    pub(crate) events_total: Option<i64>,
    pub(crate) events_per_second: Option<f64>,
    pub(crate) percent: Option<f64>,
    pub(crate) seconds_left: Option<f64>,
    pub(crate) requested_by: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) started_at: Option<DateTime<Utc>>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
    pub(crate) error: Option<OperationError>,
    pub(crate) verification: Option<Verification>,
}

/// Why it failed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OperationError {
    pub(crate) code: String,
    pub(crate) detail: String,
    pub(crate) position: Option<i64>,
    pub(crate) event_type: Option<String>,
}

/// What the comparison has found.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Verification {
    pub(crate) position: Option<i64>,
    pub(crate) tables: Vec<VerifiedTable>,
    pub(crate) streams_checked: Option<i64>,
    /// The live generation; none when the two could not be compared.
    pub(crate) compared_with: Option<i64>,
    pub(crate) not_compared_because: Option<String>,
    pub(crate) differences_total: i64,
    /// The first of them.
    pub(crate) differences: Vec<Difference>,
    /// On one side only.
    pub(crate) columns_added: Vec<Value>,
    pub(crate) columns_removed: Vec<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct VerifiedTable {
    pub(crate) table: String,
    pub(crate) rows: Option<i64>,
    pub(crate) content_hash: Value,
}

/// A value that the new generation has otherwise than the live one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Difference {
    pub(crate) table: String,
    pub(crate) key: Value,
    pub(crate) column: Option<String>,
    pub(crate) old: Value,
    pub(crate) new: Value,
}

impl Operation {
    pub(crate) fn is_running(&self) -> bool {
        self.state == "running"
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.state == "succeeded"
    }

    /// `rebuild of catalog`.
    pub(crate) fn title(&self) -> String {
        let dry_run = if self.dry_run { " (dry run)" } else { "" };
        format!("{} of {}{dry_run}", self.kind, self.projection)
    }

    /// What it is at, in words.
    pub(crate) fn phase(&self) -> String {
        self.phase.as_deref().unwrap_or("starting").replace('_', " ")
    }
}
