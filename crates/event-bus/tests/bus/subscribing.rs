//! What a subscriber receives, acknowledges, gives back and survives.

use dev_stack::TestVhost;
use domain::Position;
use event_bus::{BusError, Delivery, Depth, Message, Publisher, QueueSpec, Subscriber};
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use serde_json::json;
use tokio::time::timeout;

use crate::event::{PATIENCE, Stranger, event, queue, url, watermark};

async fn open(vhost: &TestVhost, spec: &QueueSpec) -> Subscriber {
    Subscriber::open(&url(&vhost.amqp_url()), spec, "test")
        .await
        .expect("a subscriber")
}

async fn publisher(vhost: &TestVhost) -> Publisher {
    Publisher::open(&url(&vhost.amqp_url()), "test")
        .await
        .expect("a publisher")
}

async fn publish(publisher: &mut Publisher, positions: std::ops::RangeInclusive<i64>) {
    for position in positions {
        publisher
            .publish(&event(position, "user.created"))
            .await
            .expect("published")
            .await
            .expect("confirmed");
    }
}

async fn next(subscriber: &mut Subscriber) -> Delivery {
    timeout(PATIENCE, subscriber.next())
        .await
        .expect("a delivery in time")
        .expect("a delivery")
}

fn position(delivery: &Delivery) -> i64 {
    match &delivery.message {
        Message::Event(envelope) => envelope.position.0,
        other => panic!("no event: {other:?}"),
    }
}

#[tokio::test]
async fn what_is_published_is_received_as_it_was() {
    let vhost = TestVhost::create().await;
    let mut subscriber = open(&vhost, &queue("users.v1", &[("user", "user.#")])).await;
    let mut publisher = publisher(&vhost).await;
    let sent = event(1, "user.created");
    let closed = watermark(0, 1, &[("user.created", 1, 1)]);
    publisher
        .publish(&sent)
        .await
        .expect("published")
        .await
        .expect("confirmed");
    publisher
        .publish_watermark(&closed)
        .await
        .expect("published")
        .await
        .expect("confirmed");
    assert_eq!(
        next(&mut subscriber).await,
        Delivery {
            tag: 1,
            redelivered: false,
            message: Message::Event(sent)
        }
    );
    assert_eq!(next(&mut subscriber).await.message, Message::Watermark(closed));
    subscriber.ack_through(2).await.expect("acknowledged");
    subscriber.close().await;
    publisher.close().await;
}

#[tokio::test]
async fn only_what_is_bound_is_received() {
    let vhost = TestVhost::create().await;
    let mut subscriber = open(&vhost, &queue("profiles.v1", &[("user", "user.profile.*")])).await;
    let mut publisher = publisher(&vhost).await;
    for (number, event_type) in [(1, "user.created"), (2, "movie.announced"), (3, "user.profile.updated")] {
        publisher
            .publish(&event(number, event_type))
            .await
            .expect("published")
            .await
            .expect("confirmed");
    }
    assert_eq!(position(&next(&mut subscriber).await), 3);
    subscriber.close().await;
    publisher.close().await;
}

#[tokio::test]
async fn foreign_messages_are_told_and_stop_nothing() {
    let vhost = TestVhost::create().await;
    let mut subscriber = open(&vhost, &queue("users.v1", &[("user", "user.#")])).await;
    let mut publisher = publisher(&vhost).await;
    let headers = json!({"position": "one", "log_id": 7, "nested": {"list": [1, true, {"deep": 1.5}]}});
    let forged = json!({
        "app_id": "marquee", "content_type": "application/json", "type": "user.created", "message_id": "x", "headers": headers,
    });
    assert!(vhost.publish("user", "user.created", json!({}), "garbage").await);
    assert!(vhost.publish("user", "user.created", forged, r#"{"id": "1"}"#).await);
    assert!(vhost.publish("", "users.v1", json!({}), "past every exchange").await);
    assert!(vhost.publish("watermark", "", json!({}), "{}").await);
    assert!(
        vhost
            .publish(
                "user",
                "user.created",
                json!({"delivery_mode": 1}),
                &"x".repeat(2 * 1024 * 1024)
            )
            .await
    );
    publish(&mut publisher, 1..=1).await;
    for _ in 0..5 {
        let delivery = next(&mut subscriber).await;
        assert!(matches!(delivery.message, Message::Foreign { .. }), "{delivery:?}");
    }
    let good = next(&mut subscriber).await;
    assert_eq!(position(&good), 1);
    subscriber.ack_through(good.tag).await.expect("acknowledged along");
    subscriber.close().await;
    let mut again = open(&vhost, &queue("users.v1", &[("user", "user.#")])).await;
    publish(&mut publisher, 2..=2).await;
    assert_eq!(position(&next(&mut again).await), 2, "nothing foreign comes again");
    again.close().await;
    publisher.close().await;
}

#[tokio::test]
async fn acknowledging_zero_acknowledges_nothing() {
    let vhost = TestVhost::create().await;
    let spec = queue("users.v1", &[("user", "user.#")]);
    let mut subscriber = open(&vhost, &spec).await;
    let mut publisher = publisher(&vhost).await;
    publish(&mut publisher, 1..=2).await;
    next(&mut subscriber).await;
    next(&mut subscriber).await;
    subscriber.ack_through(0).await.expect("nothing to do");
    subscriber.close().await;
    assert_eq!(position(&next(&mut open(&vhost, &spec).await).await), 1);
    publisher.close().await;
}

/// `basic.cancel` would let the second one in while the first still holds messages, and reverse the order.
#[tokio::test]
async fn a_dropped_subscriber_gives_everything_back_in_order_to_the_one_that_waits() {
    let vhost = TestVhost::create().await;
    let spec = queue("users.v1", &[("user", "user.#")]);
    let mut first = open(&vhost, &spec).await;
    let mut second = open(&vhost, &spec).await;
    let mut publisher = publisher(&vhost).await;
    publish(&mut publisher, 1..=400).await;
    for expected in 1..=300 {
        assert_eq!(position(&next(&mut first).await), expected);
    }
    first.ack_through(100).await.expect("acknowledged");
    drop(first);
    publish(&mut publisher, 401..=410).await;
    for expected in 101..=410 {
        let delivery = next(&mut second).await;
        assert_eq!(position(&delivery), expected);
    }
    second.close().await;
    publisher.close().await;
}

#[tokio::test]
async fn a_deleted_queue_ends_the_subscriber_and_a_new_one_declares_it_again() {
    let vhost = TestVhost::create().await;
    let spec = queue("users.v1", &[("user", "user.#")]);
    let mut subscriber = open(&vhost, &spec).await;
    vhost.delete_queue("users.v1").await;
    let ended = timeout(PATIENCE, subscriber.next()).await.expect("noticed in time");
    assert!(matches!(ended, Err(BusError::ConsumerEnded { .. })), "{ended:?}");
    let mut again = open(&vhost, &spec).await;
    let mut publisher = publisher(&vhost).await;
    publish(&mut publisher, 1..=1).await;
    assert_eq!(position(&next(&mut again).await), 1);
    again.close().await;
    publisher.close().await;
}

#[tokio::test]
async fn redeclaring_brings_back_a_binding_and_an_exchange() {
    let vhost = TestVhost::create().await;
    let spec = queue("users.v1", &[("user", "user.#")]);
    let mut subscriber = open(&vhost, &spec).await;
    assert!(vhost.unbind("user", "users.v1", "user.#").await);
    vhost.delete_exchange("watermark").await;
    subscriber.redeclare().await.expect("redeclared");
    let mut publisher = publisher(&vhost).await;
    publish(&mut publisher, 1..=1).await;
    publisher
        .publish_watermark(&watermark(1, 1, &[]))
        .await
        .expect("published")
        .await
        .expect("confirmed");
    assert_eq!(position(&next(&mut subscriber).await), 1);
    assert!(matches!(next(&mut subscriber).await.message, Message::Watermark(mark) if mark.to == Position(1)));
    subscriber.close().await;
    publisher.close().await;
}

#[tokio::test]
async fn a_lost_connection_is_an_error_and_not_an_end_without_one() {
    let vhost = TestVhost::create().await;
    let mut subscriber = open(&vhost, &queue("users.v1", &[("user", "user.#")])).await;
    assert!(vhost.close_connections().await > 0);
    let lost = timeout(PATIENCE, subscriber.next()).await.expect("noticed in time");
    assert!(lost.is_err());
    assert!(subscriber.ack_through(1).await.is_err());
    subscriber.close().await;
}

#[tokio::test]
async fn a_channel_that_the_broker_closes_is_told_of_by_its_code_and_reason_whoever_hears_of_it_first() {
    for heard_by_the_consumer in [true, false] {
        let vhost = TestVhost::create().await;
        let mut subscriber = open(&vhost, &queue("users.v1", &[("user", "user.#")])).await;
        // A delivery that never was: the broker closes the channel for it.
        subscriber.ack_through(99).await.expect("written");
        let error = if heard_by_the_consumer {
            let closed = timeout(PATIENCE, subscriber.next()).await.expect("noticed in time");
            closed.expect_err("it is closed")
        } else {
            let mut error = None;
            while error.is_none() {
                error = subscriber.depth().await.err();
            }
            error.expect("it is closed")
        };
        let told = error.to_string();
        assert!(
            matches!(
                error,
                BusError::ClosedByBroker {
                    what: "channel",
                    code: 406,
                    ..
                }
            ),
            "{told}"
        );
        assert!(
            told.contains("406 PRECONDITION_FAILED - unknown delivery tag 99"),
            "{told}"
        );
        let again = subscriber.ack_through(1).await.expect_err("it is closed").to_string();
        assert_eq!(again, told);
        subscriber.close().await;
    }
}

#[tokio::test]
async fn a_connection_that_an_operator_closes_is_told_of_by_its_code_and_reason() {
    let vhost = TestVhost::create().await;
    let mut subscriber = open(&vhost, &queue("users.v1", &[("user", "user.#")])).await;
    assert!(vhost.close_connections().await > 0);
    let closed = timeout(PATIENCE, subscriber.next()).await.expect("noticed in time");
    let told = closed.expect_err("it is closed").to_string();
    assert!(
        told.starts_with("the broker closed the connection: 320 CONNECTION_FORCED - "),
        "{told}"
    );
    subscriber.close().await;
}

#[tokio::test]
async fn prefetch_bounds_what_is_delivered() {
    let vhost = TestVhost::create().await;
    let spec = QueueSpec {
        prefetch: 2,
        ..queue("users.v1", &[("user", "user.#")])
    };
    let mut subscriber = open(&vhost, &spec).await;
    let mut publisher = publisher(&vhost).await;
    publish(&mut publisher, 1..=5).await;
    next(&mut subscriber).await;
    next(&mut subscriber).await;
    let passive = QueueDeclareOptions {
        passive: true,
        ..Default::default()
    };
    let stranger = Stranger::connect(&vhost.amqp_url()).await;
    let waiting = stranger
        .channel
        .queue_declare("users.v1".into(), passive, FieldTable::default());
    assert_eq!(
        waiting.await.expect("the queue").message_count(),
        3,
        "delivered without an ack"
    );
    subscriber.ack_through(1).await.expect("acknowledged");
    assert_eq!(position(&next(&mut subscriber).await), 3);
    subscriber.close().await;
    publisher.close().await;
}

#[tokio::test]
async fn a_subscriber_tells_how_long_its_queue_is_and_goes_on() {
    let vhost = TestVhost::create().await;
    let spec = QueueSpec {
        prefetch: 2,
        ..queue("users.v1", &[("user", "user.#")])
    };
    let mut subscriber = open(&vhost, &spec).await;
    let mut publisher = publisher(&vhost).await;
    publish(&mut publisher, 1..=5).await;
    next(&mut subscriber).await;
    next(&mut subscriber).await;
    let depth = Depth {
        messages: 3,
        consumers: 1,
    };
    assert_eq!(subscriber.depth().await.expect("a depth"), depth);
    subscriber.ack_through(2).await.expect("acknowledged");
    assert_eq!(position(&next(&mut subscriber).await), 3);
    subscriber.close().await;
    publisher.close().await;
}
