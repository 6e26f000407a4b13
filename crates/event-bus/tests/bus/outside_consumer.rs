//! The page's consumer: what its user may do, and what its queue keeps.

use dev_stack::{Permissions, TestVhost};
use event_bus::{Publisher, Subscriber};
use futures::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{
    BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer, ErrorKind, ExchangeKind};
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::event::{PATIENCE, event, queue, take, url};
use crate::page::block;

const PAGE: &str = "A consumer of your own";
const QUEUE: &str = "newsletter.v1";

/// The arguments the page's program declares its queue with.
fn arguments() -> Map<String, Value> {
    let (_, rest) = block(PAGE, "python")
        .split_once("arguments=")
        .expect("the program has arguments");
    let (text, _) = rest.split_once(')').expect("they end");
    serde_json::from_str(&text.replace("True", "true")).expect("as good as JSON")
}

fn field_table(arguments: &Map<String, Value>) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        let value = match value {
            Value::Bool(flag) => AMQPValue::Boolean(*flag),
            Value::Number(number) => AMQPValue::LongLongInt(number.as_i64().expect("an integer")),
            other => AMQPValue::LongString(other.as_str().expect("a text").into()),
        };
        table.insert(name.as_str().into(), value);
    }
    table
}

/// The routing keys the page's program binds.
fn keys() -> Vec<&'static str> {
    let (_, rest) = block(PAGE, "python")
        .split_once("for key in [")
        .expect("the program binds");
    let (list, _) = rest.split_once(']').expect("the list ends");
    list.split('"').skip(1).step_by(2).collect()
}

/// The rights the page gives its user.
fn permissions() -> Permissions<'static> {
    let line = block(PAGE, "sh")
        .lines()
        .find(|line| line.contains("set_permissions"))
        .expect("the page gives rights");
    let patterns: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
    let [configure, write, read] = patterns[..] else {
        panic!("rights are three patterns: {line}")
    };
    Permissions { configure, write, read }
}

async fn connect(url: &str) -> Connection {
    Connection::connect(url, ConnectionProperties::default())
        .await
        .expect("a connection")
}

async fn declare(channel: &Channel, arguments: &Map<String, Value>) -> lapin::Result<()> {
    let options = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let declared = channel.queue_declare(QUEUE.into(), options, field_table(arguments));
    declared.await.map(drop)
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> lapin::Result<()> {
    let options = QueueBindOptions::default();
    let bound = channel.queue_bind(
        queue.into(),
        exchange.into(),
        key.into(),
        options,
        FieldTable::default(),
    );
    bound.await
}

async fn consume(channel: &Channel, prefetch: u16) -> Consumer {
    channel
        .basic_qos(prefetch, BasicQosOptions::default())
        .await
        .expect("a prefetch");
    let options = BasicConsumeOptions::default();
    channel
        .basic_consume(QUEUE.into(), "".into(), options, FieldTable::default())
        .await
        .expect("a consumer")
}

/// Receives a message and keeps it.
async fn receive(consumer: &mut Consumer) -> Delivery {
    let received = timeout(PATIENCE, consumer.next()).await.expect("a message in time");
    received.expect("the consumer goes on").expect("a delivery")
}

fn position(delivery: &Delivery) -> i64 {
    let headers = delivery.properties.headers().as_ref().expect("headers");
    let position = headers.inner().get("position").expect("a position");
    position.as_long_long_int().expect("an integer")
}

/// A vhost whose page's queue is there, bound to all users, with events 1 to `events` in it.
async fn with_events(arguments: &Map<String, Value>, events: i64) -> TestVhost {
    let vhost = TestVhost::create().await;
    let mut publisher = Publisher::open(&url(&vhost.amqp_url()), "test")
        .await
        .expect("a publisher");
    let connection = connect(&vhost.amqp_url()).await;
    let channel = connection.create_channel().await.expect("a channel");
    declare(&channel, arguments).await.expect("a queue");
    bind(&channel, QUEUE, "user", "#").await.expect("a binding");
    for number in 1..=events {
        let confirm = publisher.publish(&event(number, "user.created")).await;
        confirm.expect("published").await.expect("confirmed");
    }
    publisher.close().await;
    vhost
}

/// The code with which the broker closed a channel.
fn code(refused: lapin::Result<()>) -> u16 {
    let error = refused.expect_err("this is refused");
    let ErrorKind::ProtocolError(reason) = error.kind() else {
        panic!("no answer of the broker: {error}")
    };
    reason.get_id()
}

#[tokio::test]
async fn an_exchange_that_is_not_there_yet_cannot_be_bound_to() {
    let vhost = TestVhost::create().await;
    let connection = connect(&vhost.create_user(permissions()).await).await;
    let channel = connection.create_channel().await.expect("a channel");
    declare(&channel, &arguments()).await.expect("a queue of its own");
    assert_eq!(code(bind(&channel, QUEUE, "user", "#").await), 404);
}

#[tokio::test]
async fn the_pages_rights_are_enough_for_the_pages_program_and_for_watermarks() {
    let vhost = TestVhost::create().await;
    let mut publisher = Publisher::open(&url(&vhost.amqp_url()), "test")
        .await
        .expect("a publisher");
    let connection = connect(&vhost.create_user(permissions()).await).await;
    let channel = connection.create_channel().await.expect("a channel");
    declare(&channel, &arguments()).await.expect("a queue of its own");
    for key in keys() {
        bind(&channel, QUEUE, "user", key).await.expect("a binding");
    }
    bind(&channel, QUEUE, "watermark", "").await.expect("a binding");
    let mut consumer = consume(&channel, 100).await;
    for (number, key) in (1..).zip(["user.created", "user.logged_in", "user.profile.updated", "user.deleted"]) {
        let confirm = publisher.publish(&event(number, key)).await;
        confirm.expect("published").await.expect("confirmed");
    }
    for expected in [1, 3, 4] {
        assert_eq!(position(&take(&mut consumer).await), expected);
    }
    publisher.close().await;
}

#[tokio::test]
async fn the_pages_rights_are_for_nothing_else() {
    let vhost = TestVhost::create().await;
    let subscriber = Subscriber::open(
        &url(&vhost.amqp_url()),
        &queue("users.v1", &[("user", "user.#")]),
        "test",
    )
    .await
    .expect("a subscriber");
    let connection = connect(&vhost.create_user(permissions()).await).await;
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let channel = async || connection.create_channel().await.expect("a channel");

    let (exchange, none) = ("user", FieldTable::default());
    let on = channel().await;
    let declared = on.exchange_declare(exchange.into(), ExchangeKind::Topic, durable, none.clone());
    assert_eq!(code(declared.await), 403, "declaring an exchange");
    let on = channel().await;
    let deleted = on.exchange_delete(exchange.into(), ExchangeDeleteOptions::default());
    assert_eq!(code(deleted.await), 403, "deleting an exchange");
    let on = channel().await;
    assert_eq!(
        code(bind(&on, "users.v1", "user", "#").await),
        403,
        "binding another's queue"
    );
    let on = channel().await;
    let consumed = on.basic_consume("users.v1".into(), "".into(), BasicConsumeOptions::default(), none);
    assert_eq!(code(consumed.await.map(drop)), 403, "consuming from another's queue");
    let on = channel().await;
    on.confirm_select(ConfirmSelectOptions::default())
        .await
        .expect("confirms");
    let options = BasicPublishOptions::default();
    let published = on.basic_publish(
        exchange.into(),
        "user.created".into(),
        options,
        b"{}",
        BasicProperties::default(),
    );
    let confirmed = published.await.expect("on its way").await;
    assert_eq!(code(confirmed.map(drop)), 403, "publishing");
    subscriber.close().await;
}

#[tokio::test]
async fn what_is_given_back_comes_again_before_newer_events_as_often_as_it_is() {
    let vhost = with_events(&arguments(), 3).await;
    let connection = connect(&vhost.amqp_url()).await;
    let channel = connection.create_channel().await.expect("a channel");
    let mut consumer = consume(&channel, 1).await;
    for _ in 0..30 {
        let delivery = receive(&mut consumer).await;
        assert_eq!(position(&delivery), 1);
        delivery
            .nack(BasicNackOptions {
                requeue: true,
                ..Default::default()
            })
            .await
            .expect("given back");
    }
    for expected in 1..=3 {
        assert_eq!(position(&take(&mut consumer).await), expected);
    }
}

#[tokio::test]
async fn one_of_several_consumers_receives_everything_and_without_the_argument_they_take_turns() {
    let mut shared = arguments();
    let was = shared.remove("x-single-active-consumer");
    assert_eq!(was, Some(Value::Bool(true)));
    for (arguments, both_receive) in [(arguments(), false), (shared, true)] {
        let vhost = with_events(&arguments, 0).await;
        let connection = connect(&vhost.amqp_url()).await;
        let mut consumers = Vec::new();
        for _ in 0..2 {
            let channel = connection.create_channel().await.expect("a channel");
            consumers.push((consume(&channel, 100).await, channel));
        }
        let mut publisher = Publisher::open(&url(&vhost.amqp_url()), "test")
            .await
            .expect("a publisher");
        for number in 1..=20 {
            let confirm = publisher.publish(&event(number, "user.created")).await;
            confirm.expect("published").await.expect("confirmed");
        }
        let mut received = [0, 0];
        while received.iter().sum::<usize>() < 20 {
            let [(first, _), (second, _)] = &mut consumers[..] else {
                panic!("two consumers")
            };
            tokio::select! {
                delivery = receive(first) => { received[0] += 1; delivery }
                delivery = receive(second) => { received[1] += 1; delivery }
            };
        }
        assert_eq!(received.iter().all(|count| *count > 0), both_receive, "{received:?}");
        publisher.close().await;
    }
}

#[tokio::test]
async fn a_consumer_that_cancels_lets_newer_events_overtake_and_one_whose_channel_ends_does_not() {
    for (cancels, first_of_next) in [(false, 1), (true, 3)] {
        let vhost = with_events(&arguments(), 4).await;
        let connection = connect(&vhost.amqp_url()).await;
        let [old, new] = [
            connection.create_channel().await.expect("a channel"),
            connection.create_channel().await.expect("a channel"),
        ];
        let mut active = consume(&old, 2).await;
        let mut waiting = consume(&new, 10).await;
        assert_eq!(position(&receive(&mut active).await), 1);
        assert_eq!(position(&receive(&mut active).await), 2);
        assert!(
            receive(&mut waiting).now_or_never().is_none(),
            "the first one is active"
        );
        if cancels {
            old.basic_cancel(active.tag(), BasicCancelOptions::default())
                .await
                .expect("cancelled");
        } else {
            old.close(200, "OK".into()).await.expect("closed");
        }
        assert_eq!(position(&receive(&mut waiting).await), first_of_next);
    }
}
