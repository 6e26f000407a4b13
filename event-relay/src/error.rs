//! Why a term of the relay ended: what time heals, and what it does not.

use domain::Position;
use event_bus::BusError;
use event_store::{LogError, RelayStateError};

/// Why the relay ended a term. It begins another one after a pause, for ever.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The bus failed.
    #[error("the bus failed")]
    Bus(#[source] BusError),
    /// The broker did not take a message for all of its queues.
    #[error("the broker has refused what is published (nack) since {since}: {}", why(queues.as_deref()))]
    Refused {
        /// When it first did, nothing having been confirmed since.
        since: String,
        /// The queues that may refuse, and why, where the management could be asked.
        queues: Option<String>,
    },
    /// The broker closed the connection.
    #[error("the connection to the broker is closed")]
    Disconnected,
    /// The broker confirms nothing.
    #[error("the broker has confirmed nothing for {seconds} s; a queue bound to its exchanges may have no leader")]
    ConfirmTimeout {
        /// How long it was waited for.
        seconds: u64,
    },
    /// The lease could not be renewed in time, or another relay has it.
    #[error("the lease is lost")]
    LeaseLost,
    /// The relay's row could not be read or written.
    #[error("the lease or the checkpoint cannot be read or written")]
    State(#[source] RelayStateError),
    /// The event store's database took a question and did not answer.
    #[error("the event store's database does not answer")]
    Unanswered,
    /// The log could not be read.
    #[error("the log cannot be read")]
    Log(#[source] LogError),
    /// A position is missing in the log.
    #[error("the log has a gap: no event at position {}, though it goes on to {}", expected.0, found.0)]
    Gap {
        /// The position that is missing.
        expected: Position,
        /// A position behind it that is there.
        found: Position,
    },
    /// The log was given another identity while it was published. The next term finds out whether it still has what was.
    #[error("the log has a new identity")]
    NewIdentity,
    /// The log is not the one the checkpoint was made in: it was replaced or went back.
    #[error(
        "the log is not the one that was published up to position {}: {reason}. Consumers may have events that this \
         log has not. Bring back the log that was published, or give this one a new identity with `marquee log adopt` \
         and rebuild what was made from the other",
        position.0
    )]
    Diverged {
        /// The checkpoint's position.
        position: Position,
        /// What does not fit.
        reason: &'static str,
    },
    /// The log was restored beside a relay's row that knows nothing of it.
    #[error(
        "the log's events were restored into a store that was made after them, and the relay's checkpoint was not: what was \
         published is not known, and publishing all of it again is not done unasked. `marquee log adopt --relay-at POSITION` \
         says where to go on"
    )]
    Unplaced,
    /// An event of the log has no message.
    #[error("an event cannot be published")]
    Unpublishable(#[source] BusError),
}

/// Which queue refuses, or how to find it.
fn why(queues: Option<&str>) -> &str {
    queues.unwrap_or(
        "look for a queue bound to user, movie or cinema that is full and told to refuse (overflow = reject-publish, by its \
         arguments or a policy), or, from RabbitMQ 4 on, for a classic queue whose node is away: rabbitmqctl list_queues \
         name type state policy arguments messages",
    )
}

impl RelayError {
    /// The stable code of a failure that time does not heal: an operator has to look. `None` for all others.
    pub fn halt_code(&self) -> Option<&'static str> {
        match self {
            Self::Gap { .. } => Some("LOG_GAP"),
            Self::Diverged { .. } => Some("LOG_DIVERGED"),
            Self::Unplaced => Some("RELAY_UNPLACED"),
            Self::Unpublishable(_) => Some("EVENT_UNPUBLISHABLE"),
            _ => None,
        }
    }
}

impl From<BusError> for RelayError {
    fn from(error: BusError) -> Self {
        match error {
            BusError::Unpublishable { .. } => Self::Unpublishable(error),
            other => Self::Bus(other),
        }
    }
}

impl From<RelayStateError> for RelayError {
    fn from(error: RelayStateError) -> Self {
        match error {
            RelayStateError::Fenced { .. } => Self::LeaseLost,
            RelayStateError::Database(_) => Self::State(error),
        }
    }
}

impl From<LogError> for RelayError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Gap { expected, found } => Self::Gap { expected, found },
            LogError::Diverged { position } => Self::Diverged {
                position,
                reason: "it does not have the event that was read there",
            },
            other => Self::Log(other),
        }
    }
}
