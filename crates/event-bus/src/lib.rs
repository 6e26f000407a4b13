//! The only crate that knows AMQP: topology, the message on the wire, publisher, subscriber.
//!
//! The message and the topology are described for other programs in `docs/message-contract.md`; a test reads real
//! messages and holds the page true.
//!
//! Nothing here reconnects by itself: every error of a [`Publisher`] or a [`Subscriber`] means *lost, open anew*,
//! and the loop that owns it backs off and does so.

mod amqp_url;
mod binding;
mod confirm;
mod connection;
mod connection_events;
mod decode;
mod encode;
mod error;
mod management;
mod message;
pub mod metric_names;
mod onlooker;
mod publisher;
mod subscriber;
mod topology;
mod trust;
mod unrouted;
mod watermark;
mod wire;

pub use amqp_url::{AmqpUrl, InvalidAmqpUrl};
pub use binding::{Binding, is_bound, topic_matches};
pub use confirm::Confirm;
pub use error::BusError;
pub use management::{InvalidManagementUrl, ManagementUrl, refusing_queues};
pub use message::{Delivery, Message, Origin};
pub use onlooker::{Depth, Onlooker};
pub use publisher::Publisher;
pub use subscriber::Subscriber;
pub use topology::{
    ENTITY_EXCHANGES, QueueSpec, UNROUTED_EXCHANGE, UNROUTED_POLICY, UnroutedPolicy, WATERMARK_EXCHANGE,
    declare_topology, delete_queue,
};
pub use watermark::{KeyTotal, Watermark};
