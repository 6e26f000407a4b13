//! Why a rebuild or a rollback does not succeed.

use domain::{DecodeError, Envelope, Position};
use event_store::LogError;

use crate::apply::CommitError;
use crate::parked::Reason;
use crate::rebuild::operation::{OperationError, OperationState};
use crate::{ApplyError, Recorded};

/// Why an operation ends without a switch.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// No code can read the event.
    #[error("the event at position {} ({event_type}) cannot be read: {detail}", .position.0)]
    Malformed {
        position: Position,
        event_type: String,
        detail: String,
    },
    /// Newer code knows the event.
    #[error("this code does not know the event at position {} ({event_type} version {event_version})", .position.0)]
    Unknown {
        position: Position,
        event_type: String,
        event_version: String,
    },
    /// A rule of the read model, or the database, refuses the event.
    #[error("the event at position {} ({event_type}) is refused: {detail}", .position.0)]
    Refused {
        position: Position,
        event_type: String,
        detail: String,
    },
    /// The log has another identity than when it began, or does not have what was read before.
    #[error("the log was replaced or went back while it was read")]
    LogChanged,
    /// The log could not be read, or has a hole.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The new generation is not what the log says.
    #[error("{0}")]
    Unverified(String),
    /// What was built is gone: somebody else has cleaned up.
    #[error("the generation that was being built is gone")]
    Fenced,
    /// The database refused or was lost.
    #[error("the read model's database failed")]
    Database(#[from] sqlx::Error),
    /// The switch could not get its lock.
    #[error("the projection's row stays locked; the switch could not be made")]
    Locked,
    /// Somebody called it off.
    #[error("it was called off")]
    Cancelled,
    /// The process stops.
    #[error("the process was told to stop")]
    Stopped,
    /// It ended without a word.
    #[error("its process or its database session ended")]
    Lost,
}

impl Failure {
    /// The event at a position that a projection could not decode.
    pub(crate) fn unknown(position: Position, error: &DecodeError) -> Self {
        let (DecodeError::Unknown {
            event_type,
            event_version,
        }
        | DecodeError::Malformed {
            event_type,
            event_version,
            ..
        }) = error;
        Self::Unknown {
            position,
            event_type: event_type.clone(),
            event_version: event_version.clone(),
        }
    }

    /// An event that no code can read.
    pub(crate) fn malformed(event: &Envelope, reason: &Reason) -> Self {
        Self::Malformed {
            position: event.position,
            event_type: event.event_type.clone(),
            detail: reason.detail().to_owned(),
        }
    }

    /// An event that could not be applied, alone.
    pub(crate) fn refused(event: &Envelope, reason: &Reason) -> Self {
        Self::Refused {
            position: event.position,
            event_type: event.event_type.clone(),
            detail: reason.detail().to_owned(),
        }
    }

    /// An event that could not be passed over.
    pub(crate) fn of_apply(event: &Envelope, error: ApplyError) -> Self {
        match error {
            ApplyError::Rule { reason, .. } => Self::Refused {
                position: event.position,
                event_type: event.event_type.clone(),
                detail: reason,
            },
            ApplyError::Database(error) => Self::Database(error),
        }
    }

    /// Events of which one could not be applied, if the error is about one.
    pub(crate) fn of_events(events: &[Recorded], error: ApplyError) -> Self {
        let culprit = match &error {
            ApplyError::Rule { position, .. } => events.iter().find(|event| event.envelope.position == *position),
            ApplyError::Database(_) => None,
        };
        match culprit {
            Some(event) => Self::of_apply(&event.envelope, error),
            None => Self::of_passing(error),
        }
    }

    /// Events that could not be applied for a reason of none of them.
    pub(crate) fn of_passing(error: ApplyError) -> Self {
        match error {
            ApplyError::Rule { position, reason } => Self::Refused {
                position,
                event_type: String::new(),
                detail: reason,
            },
            ApplyError::Database(error) => Self::Database(error),
        }
    }

    /// Events that could be neither applied nor parked.
    pub(crate) fn of_commit(error: CommitError) -> Self {
        match error {
            CommitError::Apply(error) => Self::of_passing(error),
            CommitError::Database(error) => Self::Database(error),
            // Nothing else comes of applying.
            other => Self::Database(sqlx::Error::Protocol(other.to_string())),
        }
    }

    /// What the operation is then.
    pub(crate) fn state(&self) -> OperationState {
        match self {
            Self::Cancelled => OperationState::Cancelled,
            Self::Stopped | Self::Lost => OperationState::Interrupted,
            _ => OperationState::Failed,
        }
    }

    /// What the operation shows of it.
    pub(crate) fn error(&self) -> OperationError {
        let (position, event_type) = match self {
            Self::Malformed {
                position, event_type, ..
            }
            | Self::Unknown {
                position, event_type, ..
            }
            | Self::Refused {
                position, event_type, ..
            } => (Some(position.0), Some(event_type.clone())),
            Self::Log(LogError::Gap { expected, .. }) => (Some(expected.0), None),
            _ => (None, None),
        };
        OperationError {
            code: self.code().to_owned(),
            detail: self.detail(),
            position,
            event_type,
        }
    }

    /// What the database says of itself could repeat data; its code does not.
    fn detail(&self) -> String {
        match self {
            Self::Database(sqlx::Error::Database(refusal)) => {
                let code = refusal.code().unwrap_or_default();
                format!("{self}: SQLSTATE {code}")
            }
            _ => service::with_causes(self),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "EVENT_MALFORMED",
            Self::Unknown { .. } => "EVENT_UNKNOWN",
            Self::Refused { .. } => "EVENT_REFUSED",
            Self::Log(LogError::Gap { .. } | LogError::StreamGap { .. }) => "LOG_GAP",
            Self::Log(LogError::Incomplete { .. } | LogError::Diverged { .. }) | Self::LogChanged => "LOG_CHANGED",
            Self::Unverified(_) => "VERIFICATION_FAILED",
            Self::Log(LogError::Database(_)) | Self::Database(_) | Self::Fenced | Self::Locked => "DATABASE",
            Self::Cancelled => "CANCELLED",
            Self::Stopped | Self::Lost => "INTERRUPTED",
        }
    }
}

/// SQLSTATE 55P03: the lock was not to be had in time.
pub(crate) fn is_lock_timeout(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| code == "55P03")
}
