//! Exchanges, queues and bindings, declared idempotently by whoever uses them and may declare them: then start order does not matter.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::protocol::AMQPSoftError;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Connection, ErrorKind, ExchangeKind};

use crate::connection::{connect, open_channel, within};
use crate::{AmqpUrl, Binding, BusError, unrouted};

/// The durable topic exchanges, one per entity; the routing key is the event type.
pub const ENTITY_EXCHANGES: [&str; 3] = ["user", "movie", "cinema"];
/// The durable fanout exchange of the watermarks; the queue of every projection is bound to it.
pub const WATERMARK_EXCHANGE: &str = "watermark";
/// The durable fanout exchange, and the bounded queue on it, that events reach for which nobody asked.
///
/// It becomes the alternate exchange of the entity exchanges by [`UNROUTED_POLICY`].
pub const UNROUTED_EXCHANGE: &str = "unrouted";
/// The policy that makes [`UNROUTED_EXCHANGE`] the alternate exchange of the entity exchanges.
///
/// A policy and not an argument of the exchanges: an argument would have to be repeated by every program that declares
/// an exchange before it binds to it, and refuse all others.
pub const UNROUTED_POLICY: UnroutedPolicy = UnroutedPolicy {
    name: "marquee-unrouted",
    body: r#"{"pattern":"^(user|movie|cinema)$","apply-to":"exchanges","definition":{"alternate-exchange":"unrouted"}}"#,
};

/// A policy as the management API takes it.
#[derive(Clone, Copy, Debug)]
pub struct UnroutedPolicy {
    /// To be put at `/api/policies/{vhost}/{name}`.
    pub name: &'static str,
    /// The JSON to put there.
    pub body: &'static str,
}

/// Practically unlimited: a message is never dropped for having been delivered often. It is set all the same, because
/// it is 20 otherwise from RabbitMQ 4.0, and because before 4.0 a message goes back to its place in the queue only
/// with one.
const DELIVERY_LIMIT: i64 = 1_000_000_000;

/// The durable queue of one consumer.
///
/// AMQP never takes a binding away, so another set of bindings needs another name: the name carries their version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSpec {
    /// `catalog.v1`.
    pub name: String,
    /// What it asks for; the watermarks come in any case.
    pub bindings: Vec<Binding>,
    /// How many deliveries may be unacknowledged; larger than the largest range of a watermark.
    pub prefetch: u16,
}

/// Declares all exchanges and the queue of what nobody asked for, on a connection of its own.
///
/// # Errors
/// As [`BusError`] says; [`BusError::Topology`] when one of them exists with other properties.
pub async fn declare_topology(url: &AmqpUrl, connection_name: &str) -> Result<(), BusError> {
    let connection = connect(url, connection_name, None).await?;
    let channel = open_channel(&connection).await?;
    declare_exchanges(&channel).await?;
    unrouted::declare(&connection).await?;
    within("connection.close", connection.close(200, "OK".into())).await
}

/// Deletes a queue with whatever is in it, on a connection of its own; one that is not there is fine. A quorum queue
/// without a leader goes too: the broker gives its members up after some seconds.
///
/// # Errors
/// As [`BusError`] says.
pub async fn delete_queue(url: &AmqpUrl, queue: &str, connection_name: &str) -> Result<(), BusError> {
    let connection = connect(url, connection_name, None).await?;
    let channel = open_channel(&connection).await?;
    let deleted = channel.queue_delete(queue.into(), QueueDeleteOptions::default());
    within("queue.delete", deleted).await?;
    within("connection.close", connection.close(200, "OK".into())).await
}

/// What the publishing side uses.
pub(crate) async fn declare_exchanges(channel: &Channel) -> Result<(), BusError> {
    for exchange in ENTITY_EXCHANGES {
        declare_exchange(channel, exchange, ExchangeKind::Topic).await?;
    }
    declare_exchange(channel, WATERMARK_EXCHANGE, ExchangeKind::Fanout).await?;
    declare_exchange(channel, UNROUTED_EXCHANGE, ExchangeKind::Fanout).await
}

/// Opens a channel, with everything there that a subscriber uses: its exchanges, its queue, its bindings.
///
/// The exchanges are declared only when one is missing. To declare an exchange, even one that is there, takes the
/// permission to configure it, and with that one may delete it: nothing a subscriber's user should need.
pub(crate) async fn open_subscription(connection: &Connection, spec: &QueueSpec) -> Result<Channel, BusError> {
    let channel = open_channel(connection).await?;
    match declare_subscription(&channel, spec).await {
        Err(error) if is_refused_with(&error, AMQPSoftError::NOTFOUND) => {}
        declared => return declared.map(|()| channel),
    }
    // Another one: the refusal has closed the first.
    let channel = open_channel(connection).await?;
    declare_exchange(&channel, WATERMARK_EXCHANGE, ExchangeKind::Fanout).await?;
    for binding in &spec.bindings {
        declare_exchange(&channel, binding.exchange, ExchangeKind::Topic).await?;
    }
    declare_subscription(&channel, spec).await?;
    Ok(channel)
}

async fn declare_subscription(channel: &Channel, spec: &QueueSpec) -> Result<(), BusError> {
    let arguments = table([
        ("x-queue-type", AMQPValue::LongString("quorum".into())),
        ("x-single-active-consumer", AMQPValue::Boolean(true)),
        ("x-delivery-limit", AMQPValue::LongLongInt(DELIVERY_LIMIT)),
    ]);
    declare_queue(channel, &spec.name, arguments).await?;
    for binding in &spec.bindings {
        bind(channel, &spec.name, binding.exchange, binding.pattern).await?;
    }
    // Last: a watermark must not come before the events it counts could.
    bind(channel, &spec.name, WATERMARK_EXCHANGE, "").await
}

/// Tells whether the broker refused to declare something, and with this code.
pub(crate) fn is_refused_with(error: &BusError, code: AMQPSoftError) -> bool {
    let BusError::Topology { source, .. } = error else {
        return false;
    };
    matches!(source.kind(), ErrorKind::ProtocolError(refusal) if *refusal.kind() == code.into())
}

async fn declare_exchange(channel: &Channel, name: &str, kind: ExchangeKind) -> Result<(), BusError> {
    let options = ExchangeDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let declared = channel.exchange_declare(name.into(), kind, options, FieldTable::default());
    declaring(format!("exchange {name}"), within("exchange.declare", declared).await)
}

pub(crate) async fn declare_queue(channel: &Channel, name: &str, arguments: FieldTable) -> Result<(), BusError> {
    let options = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let declared = async { channel.queue_declare(name.into(), options, arguments).await.map(drop) };
    declaring(format!("queue {name}"), within("queue.declare", declared).await)
}

pub(crate) async fn bind(channel: &Channel, queue: &str, exchange: &str, pattern: &str) -> Result<(), BusError> {
    let bound = channel.queue_bind(
        queue.into(),
        exchange.into(),
        pattern.into(),
        QueueBindOptions::default(),
        FieldTable::default(),
    );
    declaring(
        format!("binding {exchange} -> {queue} by {pattern:?}"),
        within("queue.bind", bound).await,
    )
}

fn declaring(what: String, result: Result<(), BusError>) -> Result<(), BusError> {
    result.map_err(|error| match error {
        BusError::Lost { source } => BusError::Topology { what, source },
        other => other,
    })
}

pub(crate) fn table<const N: usize>(entries: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert(ShortString::from(name), value);
    }
    table
}
