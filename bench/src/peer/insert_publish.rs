//! The floor of a round trip: one committed insert, then one confirmed publish, and its delivery from a quorum queue.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::future::try_join;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use service::BoxError;
use tokio::sync::oneshot;

use super::insert::Insert;
use crate::closed_loop::Worker as _;
use crate::open_loop::open_loop;
use crate::sample::Sample;

const QUEUE: &str = "bench.round-trip";
const CONNECTIONS: usize = 16;
const PREFETCH: u16 = 1_000;
const PERSISTENT: u8 = 2;

/// Who waits for which message.
type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<()>>>>;
type Inserts = Arc<Mutex<Vec<Insert>>>;

pub(crate) async fn run(
    database_url: &str,
    amqp_url: &str,
    per_second: u32,
    duration: Duration,
) -> Result<Sample, BoxError> {
    let publishing = Connection::connect(amqp_url, ConnectionProperties::default()).await?;
    let channel = publishing.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let waiting = Waiting::default();
    let consuming = Connection::connect(amqp_url, ConnectionProperties::default()).await?;
    consume(&consuming, waiting.clone()).await?;
    let inserts = Inserts::default();
    for _ in 0..CONNECTIONS {
        put(&inserts, Insert::open(database_url).await?);
    }
    let sample = open_loop(per_second, duration, |number| {
        let (inserts, channel, waiting) = (inserts.clone(), channel.clone(), waiting.clone());
        let database_url = database_url.to_owned();
        async move {
            let free = inserts.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut insert = match free {
                Some(insert) => insert,
                None => Insert::open(&database_url).await?,
            };
            insert.work().await?;
            put(&inserts, insert);
            round_trip(&channel, &waiting, number.to_string()).await
        }
    })
    .await?;
    publishing.close(200, "OK".into()).await?;
    consuming.close(200, "OK".into()).await?;
    Ok(sample)
}

fn put(inserts: &Inserts, insert: Insert) {
    inserts.lock().unwrap_or_else(PoisonError::into_inner).push(insert);
}

async fn consume(connection: &Connection, waiting: Waiting) -> Result<(), BoxError> {
    let channel = connection.create_channel().await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let durable = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    channel.queue_declare(QUEUE.into(), durable, arguments).await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let mut deliveries = channel
        .basic_consume(
            QUEUE.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    tokio::spawn(async move {
        while let Some(Ok(delivery)) = deliveries.next().await {
            let id = delivery.properties.message_id().as_ref().map(ToString::to_string);
            let who = id.and_then(|id| waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id));
            if let Some(who) = who {
                let _ = who.send(());
            }
            if delivery.ack(BasicAckOptions::default()).await.is_err() {
                break;
            }
        }
    });
    Ok(())
}

async fn round_trip(channel: &Channel, waiting: &Waiting, id: String) -> Result<(), BoxError> {
    let (delivered, arrival) = oneshot::channel();
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(ShortString::try_new(id.as_str())?);
    let body = format!(r#"{{"id": "{id}", "type": "user.created", "full_name": "Ada Lovelace {id}"}}"#);
    waiting
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(id, delivered);
    let published = async {
        let options = BasicPublishOptions::default();
        let confirm = channel.basic_publish("".into(), QUEUE.into(), options, body.as_bytes(), properties);
        match confirm.await?.await? {
            Confirmation::Ack(None) => Ok(()),
            other => Err(BoxError::from(format!("the broker answered {other:?}"))),
        }
    };
    let arrived = async { arrival.await.map_err(|_| BoxError::from("the message did not arrive")) };
    try_join(published, arrived).await?;
    Ok(())
}
