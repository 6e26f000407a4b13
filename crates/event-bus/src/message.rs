//! What a subscriber receives.

use domain::Envelope;
use lapin::BasicProperties;
use lapin::types::ShortString;

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
        /// What it was.
        origin: Box<Origin>,
    },
}

/// What is kept of a message that is not believed, for who looks into it. Not its body: after a restore that is a genuine event
/// of the log before, with all that it says of people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Where it was published.
    pub exchange: String,
    /// By which routing key.
    pub routing_key: String,
    /// Its `message_id`.
    pub message_id: Option<String>,
    /// Its `app_id`.
    pub app_id: Option<String>,
    /// Length of its body.
    pub body_bytes: usize,
}

impl Origin {
    pub(crate) fn new(exchange: &str, routing_key: &str, properties: &BasicProperties, body: &[u8]) -> Self {
        let text = |value: &Option<ShortString>| value.as_ref().map(|value| value.as_str().to_owned());
        Self {
            exchange: exchange.to_owned(),
            routing_key: routing_key.to_owned(),
            message_id: text(properties.message_id()),
            app_id: text(properties.app_id()),
            body_bytes: body.len(),
        }
    }
}

impl From<Envelope> for Origin {
    fn from(event: Envelope) -> Self {
        let properties = BasicProperties::default().with_message_id(event.event_id.to_string().into());
        Self::new(
            &event.aggregate_type,
            &event.event_type,
            &properties,
            event.payload.as_bytes(),
        )
    }
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
