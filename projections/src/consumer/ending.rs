//! Why a session ended.

use event_bus::BusError;
use event_store::LogError;

use crate::State;
use crate::apply::CommitError;
use crate::consumer::work::Lost;
use crate::diverged::Diverged;

/// Why a session ended; but for [`Ending::Stopped`] another one follows.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ending {
    /// It was told to stop.
    #[error("the consumer was told to stop")]
    Stopped,
    /// The code cannot write the live generation.
    #[error(
        "VERSION_MISMATCH: the live generation {generation} was made by version {version} (bindings {binding_version}) of \
         the projection, this code is version {code_version} (bindings {code_binding_version}); it goes on being \
         served as it is and applies nothing until it is rebuilt (marquee projections rebuild {projection}), or the \
         matching code runs again"
    )]
    VersionMismatch {
        projection: &'static str,
        generation: String,
        version: i32,
        binding_version: i32,
        code_version: i32,
        code_binding_version: i32,
    },
    /// An operator has paused the projection.
    #[error("the projection is paused; it applies nothing until it is resumed")]
    Paused,
    /// The checkpoint is not in the log.
    #[error(transparent)]
    LogDiverged(#[from] Diverged),
    /// The first generation could not be built.
    #[error("the read model could not be built from the log: {0}")]
    NotBuilt(String),
    /// The log has another identity than when the session began.
    #[error("the log has another identity by now; the checkpoint has to be looked for in it")]
    LogChanged,
    /// A step hung.
    #[error("the consumer took longer than {limit_ms} ms over one step; its connections are given up")]
    Stuck { limit_ms: u64 },
    /// The read model was moved by somebody else, or its database failed outside of an attempt.
    #[error(transparent)]
    Database(CommitError),
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The broker was lost.
    #[error(transparent)]
    Bus(#[from] BusError),
}

impl From<CommitError> for Ending {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Paused => Self::Paused,
            other => Self::Database(other),
        }
    }
}

impl From<Lost> for Ending {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Renamed => Self::LogChanged,
            Lost::Diverged(diverged) => Self::LogDiverged(diverged),
        }
    }
}

impl Ending {
    /// What the consumer is then.
    pub(super) fn state(&self) -> State {
        match self {
            Self::VersionMismatch { .. } => State::VersionMismatch,
            Self::LogDiverged(_) => State::LogDiverged,
            Self::Paused => State::Paused,
            Self::Stopped => State::Stopped,
            _ => State::Connecting,
        }
    }
}
