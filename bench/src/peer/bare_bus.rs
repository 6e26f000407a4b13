//! A bare publisher of the very messages that the relay sends, and bare consumers that discard them.

use std::time::{Duration, Instant};

use futures::stream::FuturesOrdered;
use futures::{StreamExt, TryStreamExt};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions, QueueBindOptions,
    QueueDeclareOptions, QueuePurgeOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, PublisherConfirm};
use service::BoxError;
use tokio::task::JoinHandle;

/// Messages on their way without a confirm.
const WINDOW: usize = 1_000;
const PREFETCH: u16 = 1_000;
/// Deliveries acknowledged at once.
const ACKNOWLEDGED_AT_ONCE: u64 = 250;
/// As long as this nothing comes from a broker that has no more.
const SILENCE: Duration = Duration::from_secs(2);

/// A message as it went over the wire.
pub(crate) struct Message {
    exchange: ShortString,
    routing_key: ShortString,
    properties: BasicProperties,
    body: Vec<u8>,
}

/// A connection with a channel to the broker.
pub(crate) struct Bus {
    connection: Connection,
    channel: Channel,
}

impl Bus {
    pub(crate) async fn open(amqp_url: &str) -> Result<Self, BoxError> {
        let connection = Connection::connect(amqp_url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        Ok(Self { connection, channel })
    }

    pub(crate) async fn close(self) -> Result<(), BoxError> {
        Ok(self.connection.close(200, "OK".into()).await?)
    }

    /// Throws away what waits in a queue.
    pub(crate) async fn purge(&self, queue: &str) -> Result<(), BoxError> {
        self.channel
            .queue_purge(queue.into(), QueuePurgeOptions::default())
            .await?;
        Ok(())
    }

    /// Keeps a copy of every message that is published from now on.
    ///
    /// Its queue is classic and not durable: the cheapest there is, and gone with the connection.
    pub(crate) async fn record(&self, exchanges: &[&str]) -> Result<Recording, BoxError> {
        let exclusive = QueueDeclareOptions {
            exclusive: true,
            ..QueueDeclareOptions::default()
        };
        let queue = self
            .channel
            .queue_declare("".into(), exclusive, FieldTable::default())
            .await?;
        for exchange in exchanges {
            self.channel
                .queue_bind(
                    queue.name().clone(),
                    (*exchange).into(),
                    "#".into(),
                    QueueBindOptions::default(),
                    FieldTable::default(),
                )
                .await?;
        }
        self.channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        let consumer = self
            .channel
            .basic_consume(
                queue.name().clone(),
                "".into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await?;
        Ok(Recording { consumer })
    }

    /// Publishes messages with confirms, and waits for all of these.
    pub(crate) async fn publish(&self, messages: &[Message]) -> Result<(), BoxError> {
        self.channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let mut confirms = FuturesOrdered::<PublisherConfirm>::new();
        for message in messages {
            if confirms.len() == WINDOW {
                expect_ack(confirms.try_next().await?)?;
            }
            let confirm = self.channel.basic_publish(
                message.exchange.clone(),
                message.routing_key.clone(),
                BasicPublishOptions::default(),
                &message.body,
                message.properties.clone(),
            );
            confirms.push_back(confirm.await?);
        }
        while let Some(confirmed) = confirms.try_next().await? {
            expect_ack(Some(confirmed))?;
        }
        Ok(())
    }
}

fn expect_ack(confirmed: Option<Confirmation>) -> Result<(), BoxError> {
    match confirmed {
        Some(Confirmation::Ack(None)) => Ok(()),
        other => Err(format!("the broker answered {other:?}").into()),
    }
}

/// A copy of what is published, being made.
pub(crate) struct Recording {
    consumer: lapin::Consumer,
}

impl Recording {
    /// Takes what comes until nothing comes any more.
    pub(crate) async fn finish(mut self) -> Result<Vec<Message>, BoxError> {
        let mut messages = Vec::new();
        while let Ok(Some(delivery)) = tokio::time::timeout(SILENCE, self.consumer.next()).await {
            let Delivery {
                exchange,
                routing_key,
                properties,
                data,
                acker,
                ..
            } = delivery?;
            messages.push(Message {
                exchange,
                routing_key,
                properties,
                body: data.to_vec(),
            });
            acker.ack(BasicAckOptions::default()).await?;
        }
        Ok(messages)
    }
}

/// Consumes and discards so many messages of a queue, on a connection of its own; tells when it had the last.
pub(crate) fn discard(amqp_url: &str, queue: &str, count: usize) -> JoinHandle<Result<Instant, BoxError>> {
    let (amqp_url, queue) = (amqp_url.to_owned(), queue.to_owned());
    tokio::spawn(async move {
        let bus = Bus::open(&amqp_url).await?;
        bus.channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        let mut deliveries = bus
            .channel
            .basic_consume(
                queue.as_str().into(),
                "".into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await?;
        for number in 1..=count {
            let delivery = deliveries.next().await.ok_or("the consumer has ended")??;
            if delivery.delivery_tag % ACKNOWLEDGED_AT_ONCE == 0 || number == count {
                bus.channel
                    .basic_ack(delivery.delivery_tag, BasicAckOptions { multiple: true })
                    .await?;
            }
        }
        let done = Instant::now();
        bus.close().await?;
        Ok(done)
    })
}

impl Message {
    /// Whether a queue gets it that is bound to these exchanges.
    pub(crate) fn is_of(&self, exchanges: &[&str]) -> bool {
        exchanges.contains(&self.exchange.as_str())
    }
}
