//! What a deliberately broken build breaks, one guarantee at a time, so that a test can show `marquee chaos` finding it.
//!
//! Compiled in by the feature `sabotage` of the crates that have something to break, and by nothing else: what is shipped does
//! not know of it. Even then nothing is broken unless [`VARIABLE`] says so.

/// The environment variable that names what is broken.
pub const VARIABLE: &str = "MARQUEE_SABOTAGE";

/// Something to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A projection acknowledges what it has been delivered before it has committed it.
    AckBeforeCommit,
    /// A relay's checkpoint covers what it has sent, confirmed or not.
    CheckpointBeforeConfirm,
    /// A projection applies what it has been delivered of a range without checking that this is all of it.
    RangeWithoutCheck,
    /// A projection applies what it has been delivered without finding its checkpoint's event, and that range's, in the log.
    DeliveryWithoutLook,
    /// After a cut connection a command API looks its events up, and takes "not there" for "not appended".
    LookupForResubmission,
}

impl Sabotage {
    /// Everything that can be broken.
    pub const ALL: [Self; 5] = [
        Self::AckBeforeCommit,
        Self::CheckpointBeforeConfirm,
        Self::RangeWithoutCheck,
        Self::DeliveryWithoutLook,
        Self::LookupForResubmission,
    ];

    /// Its name in [`VARIABLE`].
    pub fn name(self) -> &'static str {
        match self {
            Self::AckBeforeCommit => "ack-before-commit",
            Self::CheckpointBeforeConfirm => "checkpoint-before-confirm",
            Self::RangeWithoutCheck => "range-without-check",
            Self::DeliveryWithoutLook => "delivery-without-look",
            Self::LookupForResubmission => "lookup-for-resubmission",
        }
    }

    /// Tells whether this process is to break it.
    pub fn is_on(self) -> bool {
        std::env::var(VARIABLE).is_ok_and(|name| name == self.name())
    }
}
