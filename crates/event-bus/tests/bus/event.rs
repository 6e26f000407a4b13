//! Events to publish, and a plain AMQP client to look at what arrives.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::DateTime;
use domain::{Envelope, Metadata, Position, Sequence};
use event_bus::{AmqpUrl, Binding, KeyTotal, QueueSpec, Watermark};
use futures::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, Consumer};
use uuid::Uuid;

/// Longer than anything takes; only a failing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const LOG_ID: Uuid = Uuid::from_u128(0x6ba7b810_9dad_41d1_80b4_00c04fd430c8);

/// The event at a position of the log; its type tells its exchange.
pub(crate) fn event(position: i64, event_type: &str) -> Envelope {
    let aggregate_type = event_type.split('.').next().expect("a first word");
    Envelope {
        log_id: LOG_ID,
        position: Position(position),
        event_id: Uuid::from_u128(u128::from(position.unsigned_abs())),
        aggregate_type: aggregate_type.into(),
        aggregate_id: "1".into(),
        sequence: Sequence(position),
        event_type: event_type.into(),
        event_version: "1".into(),
        payload: format!(r#"{{"id": "1", "type": "{event_type}"}}"#),
        metadata: Metadata::default(),
        recorded_at: DateTime::from_timestamp_micros(1_700_000_000_123_456).expect("a time"),
    }
}

pub(crate) fn watermark(from: i64, to: i64, keys: &[(&str, i64, i64)]) -> Watermark {
    let keys = keys
        .iter()
        .map(|&(key, count, sum)| (key.to_owned(), KeyTotal { count, sum }));
    let keys: BTreeMap<_, _> = keys.collect();
    Watermark {
        log_id: LOG_ID,
        from: Position(from),
        to: Position(to),
        keys,
        event_id: None,
        recorded_at: None,
    }
}

pub(crate) fn url(text: &str) -> AmqpUrl {
    text.parse().expect("the url of a broker")
}

pub(crate) fn queue(name: &str, bindings: &[(&'static str, &'static str)]) -> QueueSpec {
    let bindings = bindings
        .iter()
        .map(|&(exchange, pattern)| Binding { exchange, pattern })
        .collect();
    QueueSpec {
        name: name.into(),
        bindings,
        prefetch: 1000,
    }
}

/// Somebody else's program.
pub(crate) struct Stranger {
    pub(crate) channel: Channel,
    _connection: Connection,
}

impl Stranger {
    pub(crate) async fn connect(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default())
            .await
            .expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        Self {
            channel,
            _connection: connection,
        }
    }

    /// Declares a queue of its own and binds it.
    pub(crate) async fn bind(&self, queue: &str, bindings: &[(&str, &str)]) {
        let options = QueueDeclareOptions {
            durable: true,
            ..Default::default()
        };
        self.channel
            .queue_declare(queue.into(), options, FieldTable::default())
            .await
            .expect("a queue");
        for &(exchange, pattern) in bindings {
            let bound = self.channel.queue_bind(
                queue.into(),
                exchange.into(),
                pattern.into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            );
            bound.await.expect("a binding");
        }
    }

    pub(crate) async fn consume(&self, queue: &str) -> Consumer {
        let options = BasicConsumeOptions::default();
        self.channel
            .basic_consume(queue.into(), "".into(), options, FieldTable::default())
            .await
            .expect("a consumer")
    }
}

/// Receives and acknowledges one message.
pub(crate) async fn take(consumer: &mut Consumer) -> Delivery {
    let delivery = tokio::time::timeout(PATIENCE, consumer.next())
        .await
        .expect("a message in time");
    let delivery = delivery.expect("the consumer goes on").expect("a delivery");
    delivery.ack(BasicAckOptions::default()).await.expect("acknowledged");
    delivery
}
