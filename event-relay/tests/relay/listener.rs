//! Somebody else's consumer: a plain client with a queue of its own. What it saw tells whether the relay kept its word.

use event_bus::Watermark;
use futures::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Connection, ConnectionProperties, Consumer};
use tokio::time::timeout;

use crate::scene::PATIENCE;

pub(crate) struct Listener {
    consumer: Consumer,
    _connection: Connection,
    /// Positions of the events, in the order of arrival.
    pub(crate) positions: Vec<i64>,
    /// Watermarks, in the order of arrival.
    pub(crate) watermarks: Vec<Watermark>,
    /// The routing key and the id of each event.
    pub(crate) keys: Vec<(String, String)>,
    /// The highest position; everything up to it has come.
    reached: i64,
}

impl Listener {
    /// Declares a durable queue for everything there is, and consumes.
    pub(crate) async fn open(url: &str, queue: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default())
            .await
            .expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        let options = QueueDeclareOptions {
            durable: true,
            ..Default::default()
        };
        channel
            .queue_declare(queue.into(), options, FieldTable::default())
            .await
            .expect("a queue");
        for exchange in ["user", "movie", "cinema", "watermark"] {
            let options = QueueBindOptions::default();
            let bound = channel.queue_bind(
                queue.into(),
                exchange.into(),
                "#".into(),
                options,
                FieldTable::default(),
            );
            bound.await.expect("a binding");
        }
        let options = BasicConsumeOptions::default();
        let consumer = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default());
        Self {
            consumer: consumer.await.expect("a consumer"),
            _connection: connection,
            positions: Vec::new(),
            watermarks: Vec::new(),
            keys: Vec::new(),
            reached: 0,
        }
    }

    /// Receives until everything up to the position has come and its watermark too.
    pub(crate) async fn until(&mut self, position: i64) {
        while self.reached < position || self.watermarks.last().is_none_or(|mark| mark.to.0 < position) {
            self.receive().await;
        }
        assert_eq!(self.reached, position, "more came than there is");
    }

    /// Receives one message and holds the relay to its word: an event is the next one or a duplicate, never one too far
    /// ahead; a watermark comes behind its range and leaves no hole to the one before.
    pub(crate) async fn receive(&mut self) {
        let delivery = timeout(PATIENCE, self.consumer.next()).await;
        let delivery = delivery.unwrap_or_else(|_| panic!("nothing more came after {}", self.reached));
        let delivery = delivery.expect("the consumer goes on").expect("a delivery");
        delivery.ack(BasicAckOptions::default()).await.expect("acknowledged");
        if delivery.exchange.as_str() == "watermark" {
            let mark: Watermark = serde_json::from_slice(&delivery.data).expect("a watermark");
            let closed = self.watermarks.iter().map(|mark| mark.to).max().unwrap_or(mark.from);
            assert!(
                mark.from <= closed,
                "a hole between ranges: {closed:?} to {:?}",
                mark.from
            );
            assert!(
                mark.to.0 <= self.reached,
                "the watermark of {:?} came before its events",
                mark.to
            );
            self.watermarks.push(mark);
            return;
        }
        let headers = delivery.properties.headers().as_ref().expect("headers");
        let Some(AMQPValue::LongLongInt(position)) = headers.inner().get("position") else {
            panic!("no position")
        };
        assert!(
            *position <= self.reached + 1,
            "{position} came right after {}",
            self.reached
        );
        self.reached = self.reached.max(*position);
        self.positions.push(*position);
        let id = delivery.properties.message_id().as_ref().expect("an id").to_string();
        self.keys.push((delivery.routing_key.to_string(), id));
    }

    pub(crate) fn has_duplicates(&self) -> bool {
        i64::try_from(self.positions.len()).expect("few") > self.reached
    }
}
