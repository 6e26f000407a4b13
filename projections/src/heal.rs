//! Reading a closed range from the log instead of from the bus.

use domain::Position;
use event_bus::{Binding, is_bound};
use event_store::{Excerpt, LogError, LogReader, Share};

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

/// Reads `(after, to]` and keeps what the bindings let through, of a share of the streams.
///
/// # Errors
/// [`LogError::Incomplete`] unless every event of the range is there, bound or not.
pub(crate) async fn read(
    log: &LogReader,
    bindings: &[Binding],
    after: Position,
    to: Position,
    share: Share,
) -> Result<Excerpt, LogError> {
    let kinds: Vec<&str> = bindings.iter().map(|binding| binding.exchange).collect();
    let mut excerpt = log.read_kinds(after, to, &kinds, share).await?;
    excerpt
        .events
        .retain(|event| is_bound(bindings, &event.aggregate_type, &event.event_type));
    Ok(excerpt)
}
