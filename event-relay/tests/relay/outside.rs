//! Where a consumer of others begins: at the first watermark, and before it from the log, as `docs/message-contract.md` says.

use std::collections::BTreeMap;

use domain::Position;
use event_bus::Watermark;
use futures::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Connection, ConnectionProperties, Consumer};
use serde_json::Value;
use sqlx::{Connection as _, Executor, PgConnection, Row};
use tokio::time::timeout;

use crate::scene::{PATIENCE, Scene};

const PAGE: &str = include_str!("../../../docs/message-contract.md");

/// The blocks of SQL of the page, in order.
fn statements() -> Vec<&'static str> {
    let (_, section) = PAGE
        .split_once("\n## Where to begin\n")
        .expect("the page has the section");
    let blocks = section.split("```sql\n").skip(1);
    blocks
        .map(|block| block.split_once("\n```").expect("the block ends").0)
        .collect()
}

/// What the page compares: the same in a message and in the log.
#[derive(Debug, PartialEq)]
struct Seen {
    sequence: i64,
    event_id: String,
    event_type: String,
    event_version: String,
    body: Value,
}

/// A queue of its own that is bound to users, and to watermarks last.
async fn bind(url: &str) -> (Connection, Consumer) {
    let connection = Connection::connect(url, ConnectionProperties::default())
        .await
        .expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    let options = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let none = FieldTable::default;
    channel
        .queue_declare("newsletter.v1".into(), options, none())
        .await
        .expect("a queue");
    for (exchange, key) in [("user", "#"), ("watermark", "")] {
        let options = QueueBindOptions::default();
        let bound = channel.queue_bind("newsletter.v1".into(), exchange.into(), key.into(), options, none());
        bound.await.expect("a binding");
    }
    let options = BasicConsumeOptions::default();
    let consumer = channel.basic_consume("newsletter.v1".into(), "".into(), options, none());
    (connection, consumer.await.expect("a consumer"))
}

/// Receives up to a position: the `to` of the first watermark, and the events after it.
async fn receive(consumer: &mut Consumer, until: Position) -> (i64, BTreeMap<i64, Seen>) {
    let (mut begin, mut seen) = (None, BTreeMap::new());
    loop {
        let delivery = timeout(PATIENCE, consumer.next()).await.expect("in time");
        let delivery = delivery.expect("the consumer goes on").expect("a delivery");
        delivery.ack(BasicAckOptions::default()).await.expect("acknowledged");
        if delivery.exchange.as_str() == "watermark" {
            let mark: Watermark = serde_json::from_slice(&delivery.data).expect("a watermark");
            let begin = *begin.get_or_insert(mark.to.0);
            if mark.to >= until {
                return (begin, seen);
            }
            continue;
        }
        let headers = delivery.properties.headers().clone().expect("headers");
        let integer = |name: &str| headers.inner()[name].as_long_long_int().expect("an integer");
        let text = |name: &str| match &headers.inner()[name] {
            AMQPValue::LongString(text) => text.to_string(),
            other => panic!("no text: {other:?}"),
        };
        if begin.is_some_and(|begin| integer("position") > begin) {
            let event = Seen {
                sequence: integer("sequence"),
                event_id: text("cloudEvents_id"),
                event_type: delivery.routing_key.to_string(),
                event_version: text("event_version"),
                body: serde_json::from_slice(&delivery.data).expect("JSON"),
            };
            seen.insert(integer("position"), event);
        }
    }
}

/// Reads the log by the page's statement, as the page's role.
async fn read(reader: &mut PgConnection, after: i64, to: i64) -> BTreeMap<i64, Seen> {
    let rows = sqlx::query(statements()[1])
        .bind(after)
        .bind(to)
        .fetch_all(reader)
        .await;
    let seen = |row: sqlx::postgres::PgRow| {
        let event = Seen {
            sequence: row.get("sequence"),
            event_id: row.get::<uuid::Uuid, _>("event_id").to_string(),
            event_type: row.get("event_type"),
            event_version: row.get("event_version"),
            body: row.get("body"),
        };
        (row.get("position"), event)
    };
    rows.expect("the log").into_iter().map(seen).collect()
}

#[tokio::test]
async fn after_the_first_watermark_everything_is_received_and_what_was_before_is_in_the_log() {
    let scene = Scene::create().await;
    let role = format!("newsletter_{}", uuid::Uuid::new_v4().simple());
    let grants = statements()[0]
        .replace("marquee_event_store", scene.database.name())
        .replace("newsletter", &role);
    scene.admin().execute(grants.as_str()).await.expect("a role");

    scene.record(1, 300).await;
    let mut relay = scene.relay();
    // In the middle of publishing.
    relay.until(|status| status.confirmed > Position(20)).await;
    let (_connection, mut consumer) = bind(&scene.vhost.amqp_url()).await;
    scene.record(301, 600).await;
    let (begin, received) = receive(&mut consumer, Position(600)).await;
    relay.stop().await;

    let mut reader = PgConnection::connect(&scene.database.url_as(&role, "SECRET"))
        .await
        .expect("the role may connect");
    assert!(begin > 0, "it began before anything was published");
    assert_eq!(received, read(&mut reader, begin, 600).await);
    let before = read(&mut reader, 0, begin).await;
    assert!(before.keys().all(|position| *position <= begin));
    // Of the four types of events in turn two are of users.
    assert_eq!(before.len() + received.len(), 300);
    assert!(
        reader.execute("SELECT 1 FROM relay").await.is_err(),
        "the role may read nothing else"
    );
    reader.close().await.expect("closed");
    let gone = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    scene.admin().execute(gone.as_str()).await.expect("removed");
}
