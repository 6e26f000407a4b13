//! The request the product was asked for with, and a consumer written by somebody else.

use std::time::Duration;

use dev_stack::TestVhost;
use e2e::{Databases, Platform, until};
use futures::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties, Consumer, ExchangeKind};
use reqwest::Method;
use serde_json::{Value, json};

/// A consumer that knows nothing of this project: an exchange, a queue of its own and a binding.
async fn foreign_consumer(amqp_url: &str, queue: &str) -> (Connection, Consumer) {
    let connection = Connection::connect(amqp_url, ConnectionProperties::default())
        .await
        .expect("connect");
    let channel = connection.create_channel().await.expect("channel");
    let durable = lapin::options::ExchangeDeclareOptions {
        durable: true,
        passive: true,
        ..Default::default()
    };
    until("the exchange is there", async || {
        let channel = connection.create_channel().await.expect("channel");
        channel
            .exchange_declare("user".into(), ExchangeKind::Topic, durable, FieldTable::default())
            .await
            .is_ok()
    })
    .await;
    let options = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    channel
        .queue_declare(queue.into(), options, FieldTable::default())
        .await
        .expect("queue");
    channel
        .queue_bind(
            queue.into(),
            "user".into(),
            "user.profile.*".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await
        .expect("bind");
    let consumer = channel
        .basic_consume(
            queue.into(),
            "somebody".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await
        .expect("consume");
    (connection, consumer)
}

async fn next(consumer: &mut Consumer) -> (lapin::message::Delivery, Value) {
    let delivery = tokio::time::timeout(Duration::from_secs(30), consumer.next())
        .await
        .expect("in time");
    let delivery = delivery.expect("not ended").expect("a delivery");
    delivery.ack(BasicAckOptions::default()).await.expect("ack");
    let body = serde_json::from_slice(&delivery.data).expect("JSON");
    (delivery, body)
}

#[tokio::test]
async fn the_articles_request_is_answered_and_reaches_whoever_listens_to_profiles() {
    let (databases, vhost) = (Databases::create().await, TestVhost::create().await);
    let platform = Platform::start(&databases, &vhost.amqp_url()).await;
    let (_connection, mut consumer) = foreign_consumer(&vhost.amqp_url(), "somebodys-own").await;

    // curl -d "full_name=usama" -X POST http://localhost:3000/users/1
    let form = platform
        .client
        .request(Method::POST, "/users/1")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("full_name=usama");
    let response = form.send().await.expect("an answer");
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["location"], "/users/1");
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(answer["full_name"], "usama");
    assert_eq!((&answer["id"], &answer["sequence"]), (&json!("1"), &json!(2)));

    let (delivery, body) = next(&mut consumer).await;
    assert_eq!(delivery.routing_key.as_str(), "user.profile.updated");
    assert_eq!(delivery.exchange.as_str(), "user");
    assert_eq!(delivery.properties.delivery_mode(), &Some(2), "persistent");
    assert_eq!(
        delivery.properties.content_type().as_ref().map(|kind| kind.as_str()),
        Some("application/json")
    );
    assert_eq!((&body["id"], &body["full_name"]), (&json!("1"), &json!("usama")));

    let position = answer["position"].as_i64().expect("a position");
    let user = platform.client.get_at("/users/1", position).await.accepted();
    assert_eq!(user.body["full_name"], "usama");

    platform
        .client
        .post("/users/1", json!({"full_name": "usama again"}))
        .await
        .accepted();
    let (delivery, body) = next(&mut consumer).await;
    assert_eq!(delivery.routing_key.as_str(), "user.profile.updated");
    assert_eq!(
        body["full_name"], "usama again",
        "the next message: the registration did not match the binding"
    );
    platform.stop().await;
}
