//! A consumer of others that takes what was before it from the queries, as `docs/message-contract.md` says.

use std::collections::BTreeMap;
use std::time::Duration;

use dev_stack::TestVhost;
use e2e::{Client, Databases, Platform};
use futures::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);

/// Name and sequence of each user.
type Users = BTreeMap<String, (String, i64)>;

/// Pages through the list, each page at the position or later.
async fn list(client: &Client, position: i64) -> Users {
    let (mut users, mut path) = (Users::new(), "/users?limit=100".to_owned());
    loop {
        let page = client.get_at(&path, position).await.accepted().body;
        for user in page["items"].as_array().expect("items") {
            let text = |name: &str| user[name].as_str().expect("a text").to_owned();
            let sequence = user["sequence"].as_i64().expect("a sequence");
            users.insert(text("id"), (text("full_name"), sequence));
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/users?limit=100&cursor={cursor}"),
            None => return users,
        }
    }
}

async fn create(client: &Client, users: std::ops::Range<u32>) -> i64 {
    let mut position = 0;
    for number in users {
        let user = json!({"id": format!("user-{number}"), "full_name": format!("Number {number}")});
        position = client.post("/users", user).await.accepted().position();
    }
    position
}

#[tokio::test]
async fn a_consumer_that_begins_at_a_watermark_and_with_the_queries_ends_with_what_the_queries_say() {
    let (databases, vhost) = (Databases::create().await, TestVhost::create().await);
    let platform = Platform::start(&databases, &vhost.amqp_url()).await;
    create(&platform.client, 0..120).await;

    let connection = Connection::connect(&vhost.amqp_url(), ConnectionProperties::default())
        .await
        .expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    let (queue, none) = ("newsletter.v1", FieldTable::default);
    let durable = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    channel
        .queue_declare(queue.into(), durable, none())
        .await
        .expect("a queue");
    for (exchange, key) in [("user", "user.#"), ("watermark", "")] {
        let options = QueueBindOptions::default();
        let bound = channel.queue_bind(queue.into(), exchange.into(), key.into(), options, none());
        bound.await.expect("a binding");
    }
    let options = BasicConsumeOptions::default();
    let consumer = channel.basic_consume(queue.into(), "".into(), options, none());
    let mut consumer = consumer.await.expect("a consumer");

    // Both what the queries may have seen already and what they have not.
    create(&platform.client, 120..130).await;
    let last = platform
        .client
        .post("/users/user-7", json!({"full_name": "Seven"}))
        .await
        .accepted()
        .position();
    let mut users: Option<Users> = None;
    loop {
        let delivery = tokio::time::timeout(PATIENCE, consumer.next()).await.expect("in time");
        let delivery = delivery.expect("not ended").expect("a delivery");
        delivery.ack(BasicAckOptions::default()).await.expect("acknowledged");
        let body: Value = serde_json::from_slice(&delivery.data).expect("JSON");
        if delivery.exchange.as_str() == "watermark" {
            let to = body["to"].as_i64().expect("a position");
            if users.is_none() {
                users = Some(list(&platform.client, to).await);
            }
            if to >= last {
                break;
            }
            continue;
        }
        let (Some(users), Some(name)) = (&mut users, body["full_name"].as_str()) else {
            continue;
        };
        let headers = delivery.properties.headers().as_ref().expect("headers");
        let sequence = headers.inner()["sequence"].as_long_long_int().expect("an integer");
        let id = body["id"].as_str().expect("an id").to_owned();
        let known = users.entry(id).or_default();
        if sequence > known.1 {
            *known = (name.to_owned(), sequence);
        }
    }
    let users = users.expect("a watermark came");
    assert_eq!(users, list(&platform.client, last).await);
    assert_eq!((users.len(), users["user-7"].0.as_str()), (130, "Seven"));
    platform.stop().await;
}
