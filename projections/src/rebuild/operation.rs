//! What a rebuild or a rollback shows of itself, as it is stored and as it is sent.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::rebuild::verification::Verification;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Makes a new generation from the log and switches to it.
    Rebuild,
    /// Catches the retired generation up and switches back to it.
    Rollback,
    /// Makes the first generation of a new projection from an old log.
    Build,
}

impl OperationKind {
    /// Gives the word that is stored and sent.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rebuild => "rebuild",
            Self::Rollback => "rollback",
            Self::Build => "build",
        }
    }
}

/// How an operation is, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// It is at work.
    Running,
    /// It did what was asked.
    Succeeded,
    /// It could not; the live generation is untouched.
    Failed,
    /// It was called off; the live generation is untouched.
    Cancelled,
    /// Its process or its database connection ended; the live generation is untouched.
    Interrupted,
}

impl OperationState {
    /// Gives the word that is stored and sent.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What a running operation is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It applies the log to the new generation.
    Loading,
    /// It makes the indexes.
    Indexing,
    /// It compares the new generation with the log and with the live one.
    Verifying,
    /// It applies what has come since.
    CatchingUp,
    /// It makes the new generation the live one.
    Switching,
}

/// A rebuild or a rollback: the one that runs, or the last one. What an earlier version of the program wrote must be
/// readable: a field that comes later is an option.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Operation {
    /// Name of the projection.
    pub projection: String,
    /// What it does.
    pub kind: OperationKind,
    /// How it is.
    pub state: OperationState,
    /// What it is doing; null unless it runs.
    pub phase: Option<Phase>,
    /// The generation it makes or catches up.
    pub generation: i64,
    /// The generation that was live when it began.
    pub from_generation: i64,
    /// Whether it stops after the verification.
    pub dry_run: bool,
    /// Events per second that it may apply; null without a bound.
    pub throttle: Option<u32>,
    /// Positions of the log behind it.
    pub events_done: i64,
    /// Positions of the log to go through, as far as is known yet.
    pub events_total: i64,
    /// Over the last seconds.
    pub events_per_second: f64,
    /// Of the events; 100 only when it has succeeded.
    pub percent: f64,
    /// Estimated; null while nothing can be said.
    pub seconds_left: Option<i64>,
    /// Who asked for it.
    pub requested_by: String,
    /// Why, if that was said.
    pub reason: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When this was written.
    pub updated_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it did not succeed.
    pub error: Option<OperationError>,
    /// What the verification found, once it is done.
    pub verification: Option<Verification>,
}

impl Operation {
    /// Notes how it ended.
    pub(crate) fn end(&mut self, state: OperationState, error: Option<OperationError>) {
        let now = Utc::now();
        self.state = state;
        self.phase = None;
        self.error = error;
        self.seconds_left = None;
        self.updated_at = now;
        self.finished_at = Some(now);
        if state == OperationState::Succeeded {
            self.percent = 100.0;
        }
    }
}

/// Why an operation did not succeed. It holds no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperationError {
    /// `EVENT_MALFORMED`, `EVENT_UNKNOWN`, `EVENT_REFUSED`, `LOG_GAP`, `LOG_CHANGED`, `VERIFICATION_FAILED`, `DATABASE`,
    /// `CANCELLED`, `INTERRUPTED`.
    pub code: String,
    /// One sentence for a person.
    pub detail: String,
    /// The event that is to blame, if one is.
    pub position: Option<i64>,
    /// Its type.
    pub event_type: Option<String>,
}
