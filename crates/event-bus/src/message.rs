//! What a subscriber receives.

use domain::Envelope;

use crate::Watermark;

/// A message of the bus, read.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// An event of the log.
    Event(Envelope),
    /// A range of the log is closed.
    Watermark(Watermark),
    /// Not ours, or unreadable: counted and acknowledged along, never an effect.
    Foreign {
        /// Why it cannot be taken; names fields, never repeats what they hold.
        reason: String,
    },
}

/// A message with its place in the channel it came on.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Place in the channel: rises by one with every delivery, from 1.
    pub tag: u64,
    /// The broker has sent it before, to this or to another consumer.
    pub redelivered: bool,
    /// What it says.
    pub message: Message,
}
