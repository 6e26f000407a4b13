//! Reading a closed range from the log instead of from the bus.

use chrono::{DateTime, Utc};
use domain::{Envelope, Position};
use event_bus::Binding;
use event_store::{LogError, LogReader};
use uuid::Uuid;

/// Why a range is read from the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A new read model on a log that has events already. Nothing was lost.
    Start,
    /// The held events are not those of the range, or a watermark is missing.
    Loss,
    /// No watermark came for too long.
    Silence,
    /// The broker cannot be reached.
    NoBroker,
    /// So much is held that there is no room for more.
    Full,
    /// A watermark spoke of positions that the log does not have.
    Mistrust,
}

impl Cause {
    /// Gives the metric label.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Loss => "loss",
            Self::Silence => "silence",
            Self::NoBroker => "no_broker",
            Self::Full => "full",
            Self::Mistrust => "mistrust",
        }
    }
}

/// A part of the log, complete.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// Identity of the log.
    pub(crate) log_id: Uuid,
    /// Its events of the bound keys, in position order.
    pub(crate) events: Vec<Envelope>,
    /// Identity of the event at its end, bound or not.
    pub(crate) event_id: Uuid,
    /// When that event was recorded.
    pub(crate) recorded_at: DateTime<Utc>,
}

/// Reads `(after, to]` and keeps what the bindings let through.
///
/// # Errors
/// [`LogError::Incomplete`] unless every row of the range is there.
pub(crate) async fn read(
    log: &LogReader,
    bindings: &[Binding],
    after: Position,
    to: Position,
) -> Result<Chunk, LogError> {
    let rows = log.read_range(after, to).await?;
    let last = rows.last().expect("a complete range that is not empty has a last row");
    let (log_id, event_id, recorded_at) = (last.log_id, last.event_id, last.recorded_at);
    Ok(Chunk {
        log_id,
        events: rows.into_iter().filter(|event| is_bound(bindings, event)).collect(),
        event_id,
        recorded_at,
    })
}

/// Tells whether the bindings let an event through, as the broker decides it.
pub(crate) fn is_bound(bindings: &[Binding], event: &Envelope) -> bool {
    bindings
        .iter()
        .any(|binding| binding.exchange == event.aggregate_type && binding.matches(&event.event_type))
}
