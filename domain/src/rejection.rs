//! What all rejections of commands have in common, for whoever has to answer them.

/// Why a command was rejected, in the few ways that lead to different answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectionKind {
    /// What the command speaks of has never existed.
    NotFound,
    /// What the command would create is there already.
    Exists,
    /// What the command speaks of has ended for ever.
    Gone,
    /// The present state of the business does not allow it.
    Conflict,
}

/// A business rule's refusal of a command; nothing was written.
pub trait Rejection: std::error::Error {
    /// Tells in which way the command was rejected.
    fn kind(&self) -> RejectionKind;

    /// Gives the stable name clients may depend on, `UPPER_SNAKE`.
    fn code(&self) -> &'static str;
}
