//! Whoever comes first declares; whoever comes later finds it so.

use std::time::Duration;

use dev_stack::TestVhost;
use event_bus::{BusError, Publisher, Subscriber, UNROUTED_EXCHANGE, UNROUTED_POLICY};
use lapin::ExchangeKind;
use lapin::options::ExchangeDeclareOptions;
use lapin::types::FieldTable;

use crate::event::{Stranger, event, queue, take, url};

async fn declare_as_a_stranger_would(vhost: &TestVhost) {
    let stranger = Stranger::connect(&vhost.amqp_url()).await;
    let options = ExchangeDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let declared =
        stranger
            .channel
            .exchange_declare("user".into(), ExchangeKind::Topic, options, FieldTable::default());
    declared.await.expect("a durable topic exchange");
}

#[tokio::test]
async fn a_stranger_may_declare_an_exchange_before_us_and_after_us() {
    let vhost = TestVhost::create().await;
    declare_as_a_stranger_would(&vhost).await;
    let publisher = Publisher::open(&url(&vhost.amqp_url()), "test")
        .await
        .expect("the exchange is as it should be");
    declare_as_a_stranger_would(&vhost).await;
    publisher.close().await;
}

#[tokio::test]
async fn restarts_leave_no_queue_and_no_binding_behind() {
    let vhost = TestVhost::create().await;
    let spec = queue("catalog.v1", &[("movie", "movie.#"), ("cinema", "cinema.#")]);
    for _ in 0..3 {
        let publisher = Publisher::open(&url(&vhost.amqp_url()), "test")
            .await
            .expect("a publisher");
        let subscriber = Subscriber::open(&url(&vhost.amqp_url()), &spec, "test")
            .await
            .expect("a subscriber");
        subscriber.redeclare().await.expect("redeclared");
        subscriber.close().await;
        publisher.close().await;
    }
    let mut queues: Vec<String> = vhost.queues().await.into_iter().map(|queue| queue.name).collect();
    queues.sort();
    assert_eq!(queues, ["catalog.v1", "unrouted"]);
    let mut sources: Vec<String> = vhost
        .bindings("catalog.v1")
        .await
        .into_iter()
        .map(|b| b.source)
        .collect();
    sources.sort();
    assert_eq!(sources, ["cinema", "movie", "watermark"]);
}

#[tokio::test]
async fn a_queue_of_another_kind_is_named_in_the_error() {
    let vhost = TestVhost::create().await;
    vhost.declare_queue("catalog.v1").await;
    let opened = Subscriber::open(&url(&vhost.amqp_url()), &queue("catalog.v1", &[]), "test").await;
    let Err(BusError::Topology { what, .. }) = opened else {
        panic!("a classic queue was taken")
    };
    assert_eq!(what, "queue catalog.v1");
}

#[tokio::test]
async fn an_event_nobody_asked_for_is_confirmed_and_kept_where_it_can_be_seen() {
    let vhost = TestVhost::create().await;
    let mut publisher = Publisher::open(&url(&vhost.amqp_url()), "test")
        .await
        .expect("a publisher");
    publisher
        .publish(&event(1, "user.created"))
        .await
        .expect("published")
        .await
        .expect("confirmed without the policy");

    let policy: serde_json::Value = serde_json::from_str(UNROUTED_POLICY.body).expect("JSON");
    let pattern = policy["pattern"].as_str().expect("a pattern");
    vhost
        .set_policy(UNROUTED_POLICY.name, pattern, "exchanges", policy["definition"].clone())
        .await;
    let stranger = Stranger::connect(&vhost.amqp_url()).await;
    let mut consumer = stranger.consume(UNROUTED_EXCHANGE).await;
    // The policy reaches the exchange in a moment: publish until it has.
    let mut position = 1;
    let kept = loop {
        position += 1;
        let confirm = publisher
            .publish(&event(position, "user.created"))
            .await
            .expect("published");
        confirm.await.expect("confirmed with the policy");
        if let Ok(kept) = tokio::time::timeout(Duration::from_millis(100), take(&mut consumer)).await {
            break kept;
        }
        assert!(position < 100, "the policy never took effect");
    };
    assert_eq!(kept.routing_key.as_str(), "user.created");
    publisher.close().await;
}
