//! A confirm means exactly that the broker has the message.

use dev_stack::{CutProxy, TestVhost};
use event_bus::{BusError, Publisher};
use futures::future::join_all;
use serde_json::json;

use crate::event::{Stranger, event, take, url, watermark};

#[tokio::test]
async fn messages_are_confirmed_and_arrive_in_the_order_of_the_calls() {
    let vhost = TestVhost::create().await;
    let mut publisher = Publisher::open(&url(&vhost.amqp_url()), "test")
        .await
        .expect("a publisher");
    let stranger = Stranger::connect(&vhost.amqp_url()).await;
    stranger
        .bind(
            "all",
            &[("user", "#"), ("movie", "#"), ("cinema", "#"), ("watermark", "")],
        )
        .await;
    let mut confirms = Vec::new();
    for position in 1..=300 {
        let exchange = ["user", "movie", "cinema"][position % 3];
        let event = event(position as i64, &format!("{exchange}.happened"));
        confirms.push(publisher.publish(&event).await.expect("published"));
        if position % 50 == 0 {
            let closed = watermark(position as i64, position as i64, &[]);
            confirms.push(publisher.publish_watermark(&closed).await.expect("published"));
        }
    }
    assert!(join_all(confirms).await.iter().all(Result::is_ok));

    let mut consumer = stranger.consume("all").await;
    for position in 1..=300 {
        let delivery = take(&mut consumer).await;
        let id = delivery.properties.message_id().as_ref().expect("an id").to_string();
        assert_eq!(id, event(position, "user.happened").event_id.to_string());
        if position % 50 == 0 {
            assert_eq!(take(&mut consumer).await.exchange.as_str(), "watermark");
        }
    }
    publisher.close().await;
}

#[tokio::test]
async fn a_message_the_broker_refuses_is_not_confirmed() {
    let vhost = TestVhost::create().await;
    let mut publisher = Publisher::open(&url(&vhost.amqp_url()), "test")
        .await
        .expect("a publisher");
    let stranger = Stranger::connect(&vhost.amqp_url()).await;
    vhost
        .set_policy(
            "full",
            "^full$",
            "queues",
            json!({"max-length": 5, "overflow": "reject-publish"}),
        )
        .await;
    stranger.bind("full", &[("user", "#")]).await;
    let mut refused = 0;
    // The policy reaches the queue in a moment.
    for position in 1..=1000 {
        match publisher
            .publish(&event(position, "user.created"))
            .await
            .expect("published")
            .await
        {
            Ok(()) => {}
            Err(BusError::Nacked) => refused += 1,
            Err(error) => panic!("neither acked nor nacked: {error}"),
        }
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3);
    publisher.close().await;
}

#[tokio::test]
async fn an_event_that_cannot_be_published_leaves_the_publisher_usable() {
    let vhost = TestVhost::create().await;
    let mut publisher = Publisher::open(&url(&vhost.amqp_url()), "test")
        .await
        .expect("a publisher");
    let refused = publisher.publish(&event(1, "planet.discovered")).await;
    assert!(matches!(refused, Err(BusError::Unpublishable { .. })));
    publisher
        .publish(&event(2, "user.created"))
        .await
        .expect("published")
        .await
        .expect("confirmed");
    publisher.close().await;
}

#[tokio::test]
async fn a_lost_connection_ends_every_confirm_and_the_publisher_knows() {
    let vhost = TestVhost::create().await;
    let mut publisher = Publisher::open(&url(&vhost.amqp_url()), "test")
        .await
        .expect("a publisher");
    assert!(vhost.close_connections().await > 0);
    let mut position = 0;
    let lost = loop {
        position += 1;
        let answer = match publisher.publish(&event(position, "user.created")).await {
            Ok(confirm) => confirm.await,
            Err(error) => Err(error),
        };
        if let Err(error) = answer {
            break error;
        }
    };
    assert!(matches!(lost, BusError::ClosedByBroker { code: 320, .. }), "{lost}");
    assert!(!publisher.is_open());
    publisher.close().await;
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_an_error_in_time() {
    let opened = Publisher::open(&url("amqp://nobody:secret@127.0.0.1:1/%2f"), "test").await;
    let Err(error) = opened else {
        panic!("connected to nothing")
    };
    assert!(matches!(error, BusError::Connect { .. }));
}

#[tokio::test]
async fn a_broker_that_takes_the_connection_and_never_answers_is_an_error_in_time() {
    let vhost = TestVhost::create().await;
    let (proxy, proxied) = CutProxy::to_url(&vhost.amqp_url()).await.expect("a proxy");
    proxy.freeze(true);
    let opened = Publisher::open(&url(&proxied), "test").await;
    assert!(matches!(opened, Err(BusError::Timeout { .. })));
    proxy.freeze(false);
    let publisher = Publisher::open(&url(&proxied), "test")
        .await
        .expect("the attempt that hung is in nobody's way");
    publisher.close().await;
}

/// The address in a url: what stands between the login and the vhost.
fn address(url: &str) -> &str {
    let (_, address) = url.split_once('@').expect("a login");
    address.split_once('/').expect("a vhost").0
}

#[tokio::test]
async fn nodes_of_a_cluster_that_are_dead_or_frozen_are_passed_over() {
    let vhost = TestVhost::create().await;
    let alive = vhost.amqp_url();
    let (proxy, frozen) = CutProxy::to_url(&alive).await.expect("a proxy");
    proxy.freeze(true);
    let nodes = format!("127.0.0.1:1,{},{}", address(&frozen), address(&alive));
    let cluster = url(&alive.replace(address(&alive), &nodes));
    // Each connection begins with another node.
    for _ in 0..3 {
        let publisher = Publisher::open(&cluster, "test").await.expect("a node is alive");
        publisher.close().await;
    }
}

#[tokio::test]
async fn when_no_node_of_a_cluster_answers_the_error_names_all_of_them_and_no_password() {
    let opened = Publisher::open(&url("amqp://me:s3cret@127.0.0.1:1,127.0.0.1:2/%2f"), "test").await;
    let Err(error) = opened else {
        panic!("connected to nothing")
    };
    let told = error.to_string();
    assert!(
        told.contains("127.0.0.1:1: ") && told.contains("127.0.0.1:2: "),
        "{told}"
    );
    assert!(!told.contains("s3cret"), "{told}");
}

#[tokio::test]
async fn a_channel_that_the_broker_closes_is_told_of_by_its_code_and_reason() {
    let vhost = TestVhost::create().await;
    let mut publisher = Publisher::open(&url(&vhost.amqp_url()), "test")
        .await
        .expect("a publisher");
    vhost.delete_exchange("user").await;
    let confirm = publisher.publish(&event(1, "user.created")).await.expect("on its way");
    let told = confirm.await.expect_err("there is no such exchange").to_string();
    assert!(
        told.starts_with("the broker closed the channel: 404 NOT_FOUND - no exchange 'user'"),
        "{told}"
    );
    assert!(!publisher.is_open());
    let why = publisher.why_closed().await.expect("the broker has said");
    assert_eq!(why.to_string(), told);
    // What is published to it now is told the same.
    let confirm = publisher.publish(&event(2, "user.created")).await;
    let refused = match confirm {
        Ok(confirm) => confirm.await,
        Err(error) => Err(error),
    };
    assert_eq!(refused.expect_err("it is closed").to_string(), told);
}
