//! A read model whose checkpoint is not in the log.

use domain::Position;

/// The log went back, or is another one. No event of it may be applied, and whoever asks for a position of it may not be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "LOG_DIVERGED: the event of the checkpoint, position {}, is not in the log, which was restored or went back; nothing is \
     applied; rebuilding the projection is the way out",
    position.0
)]
pub(crate) struct Diverged {
    /// Where the checkpoint is.
    pub(crate) position: Position,
}
