//! How a command can fail on its way into the log.

use domain::{Position, Sequence};
use uuid::Uuid;

use crate::condition::FailedCondition;

/// Why the event store could not do what was asked, whatever the command.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The writer's queue is full; nothing was appended. Worth trying again shortly.
    #[error("the writer's queue is full")]
    Busy,
    /// The database is away or refuses; nothing was appended.
    #[error("the event store's database is not available")]
    Unavailable(#[source] Option<sqlx::Error>),
    /// The connection failed after the command was sent and no answer came in time: it may or may not be in the log.
    /// Safe to repeat with the same idempotency key.
    #[error("the outcome of the command is unknown")]
    OutcomeUnknown,
    /// The log lacks an event that this process has seen in it: it was restored, or a standby that lacked the last events took
    /// over. Nothing was appended, and nothing is before the log has a new identity.
    #[error("LOG_DIVERGED: the event that was at position {} is not in the log, which was restored or went back", position.0)]
    Diverged {
        /// Where the event was.
        position: Position,
    },
    /// The database refuses the command's data; nothing was appended.
    #[error("the database refuses the command's data")]
    Refused(#[source] sqlx::Error),
    /// The stream holds an event this code cannot read.
    #[error(
        "the stream {aggregate_type}/{aggregate_id} cannot be read: one of its events is damaged, or of a type or version \
         that this code does not know; `marquee verify` tells which"
    )]
    Unreadable {
        /// The stream's aggregate type.
        aggregate_type: &'static str,
        /// The stream's aggregate id.
        aggregate_id: String,
    },
    /// The writer has stopped; nothing was appended.
    #[error("the event store's writer has stopped")]
    Stopped,
}

/// Why a command was not accepted. `R`: the aggregate's rejection, `P`: what its preparation can fail with.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R, P> {
    /// The business says no.
    #[error("the command was rejected")]
    Rejected(R),
    /// The command's condition does not hold.
    #[error("the stream is at sequence {}", sequence.0)]
    PreconditionFailed {
        /// Which part of it.
        failed: FailedCondition,
        /// Where the stream is instead.
        sequence: Sequence,
        /// Identity of the log that it is in.
        log_id: Uuid,
    },
    /// Others kept moving the stream; nothing was appended.
    #[error("other commands kept changing the stream")]
    Conflict,
    /// The idempotency key belongs to another request; nothing was appended.
    #[error("the idempotency key was used by another request")]
    KeyReused,
    /// The event store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the command needs to know could not be found out.
    #[error("the command could not be prepared")]
    Prepare(P),
}
