//! One transaction's worth of work, and why it may not be possible at the moment.

use chrono::{DateTime, Utc};
use domain::{DecodeError, Envelope, Position};
use event_store::LogError;
use tokio::time::Instant;
use uuid::Uuid;

use crate::apply::CommitError;
use crate::apply::batch::Batch;
use crate::diverged::Diverged;
use crate::heal::Cause;

/// A closed range that waits to be applied.
#[derive(Debug)]
pub(super) enum Pending {
    /// Complete as it was delivered.
    Delivered(Work),
    /// To be read from the log, up to a position.
    Heal(Position, Cause),
}

/// What one transaction applies: everything from the checkpoint up to `to`.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) to: Position,
    /// Events that it must have if it is of the log: those that the watermarks of its ranges name, and the last one delivered of
    /// each range.
    pub(super) told: Vec<(Position, Uuid)>,
    /// When it was recorded, if a watermark told.
    pub(super) recorded_at: Option<DateTime<Utc>>,
    /// How many closed ranges end with it.
    pub(super) ranges: u64,
    /// Until when it may wait for more.
    pub(super) due: Instant,
    pub(super) content: Content,
}

/// What is known of the events. An attempt that fails before they are decoded leaves them in the log, where they can
/// always be read.
#[derive(Debug)]
pub(super) enum Content {
    /// As delivered, in position order.
    Delivered(Vec<Envelope>),
    /// To be read from the log.
    InLog,
    /// Ready to be applied.
    Decoded(Batch),
}

impl Work {
    /// Work that is read from the log.
    pub(super) fn from_log(to: Position, ranges: u64) -> Self {
        Self {
            to,
            told: Vec::new(),
            recorded_at: None,
            ranges,
            due: Instant::now(),
            content: Content::InLog,
        }
    }
}

/// Why an attempt failed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It may go better another time.
    Passing(PassingError),
    /// The log does not have the event that a watermark spoke of.
    BeyondLog,
    /// The checkpoint is not in the log as it was.
    Lost(Lost),
    /// What the session holds is void.
    Void(CommitError),
}

/// What became of the log that the checkpoint was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// It has another identity by now.
    Renamed,
    /// It does not have the event of the checkpoint any more.
    Diverged(Diverged),
}

/// What may go better another time.
#[derive(Debug, thiserror::Error)]
pub(super) enum PassingError {
    /// Newer code knows the event.
    #[error("the event at position {} cannot be applied by this code", .position.0)]
    Unknown { position: Position, source: DecodeError },
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The read model could not be written.
    #[error(transparent)]
    Commit(CommitError),
}

impl From<Lost> for Trouble {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

impl From<CommitError> for Trouble {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Superseded | CommitError::Paused => Self::Void(error),
            other => Self::Passing(PassingError::Commit(other)),
        }
    }
}

impl From<LogError> for Trouble {
    fn from(error: LogError) -> Self {
        Self::Passing(PassingError::Log(error))
    }
}
