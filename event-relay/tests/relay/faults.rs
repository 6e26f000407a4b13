//! A table of faults: whatever fails, everything arrives in order, and what was confirmed and saved does not come again.

use std::collections::BTreeSet;
use std::time::Duration;

use dev_stack::{CutProxy, Direction};
use domain::Position;
use event_relay::{Broker, RelayConfig, Role};
use serde_json::json;

use crate::blocking_proxy::BlockingProxy;
use crate::scene::{NEVER, Running, Scene, eventually, quick, relay_pool};

#[tokio::test]
async fn a_nack_in_the_middle_of_a_window_is_gone_back_to() {
    let scene = Scene::create().await;
    let full = json!({"max-length": 60, "overflow": "reject-publish"});
    scene.vhost.set_policy("full", "^slow$", "queues", full).await;
    scene.vhost.declare_queue("slow").await;
    for exchange in event_bus::ENTITY_EXCHANGES {
        scene.vhost.bind(exchange, "slow", "#").await;
    }
    let mut listener = scene.listener().await;
    scene.record(1, 400).await;
    let mut relay = scene.relay();
    let status = relay.until(|status| status.last_error.is_some()).await;
    assert!(status.last_error.is_some_and(|error| error.contains("nack")));
    assert!(status.confirmed < Position(400), "a refused message is not passed over");

    scene.vhost.delete_policy("full").await;
    // Who refused nothing got everything in order; who refused got everything.
    listener.until(400).await;
    relay.until_confirmed(400).await;
    let mut slow = BTreeSet::new();
    while slow.len() < 400 {
        let messages = scene.vhost.take_messages("slow", 500).await;
        assert!(!messages.is_empty(), "only {} events came", slow.len());
        slow.extend(
            messages
                .iter()
                .filter_map(|message| message["properties"]["headers"]["position"].as_i64()),
        );
    }
    relay.stop().await;
}

/// A queue of a stranger that takes one user and refuses the next; the relay is refused by it.
async fn refused_by_a_stranger(scene: &Scene, relay: &mut Running, told: &str) -> String {
    let full = json!({"max-length": 1, "overflow": "reject-publish"});
    scene.vhost.set_policy("tight", "^strangers-own$", "queues", full).await;
    scene.vhost.declare_queue("strangers-own").await;
    scene.vhost.bind("user", "strangers-own", "#").await;
    scene.record(1, 40).await;
    // The management hears of a new queue a moment late.
    let is_told = |error: &String| error.contains(told);
    let status = relay
        .until(|status| status.broker == Broker::Refusing && status.last_error.as_ref().is_some_and(is_told))
        .await;
    let line = status.health().expect_err("it is not well");
    assert!(line.contains("a queue refuses what is published"), "{line}");
    assert!(!line.contains("no connection"), "{line}");
    status.last_error.expect("an error")
}

async fn goes_on_when_the_queue_takes_messages_again(scene: Scene, mut relay: Running) {
    scene.vhost.delete_policy("tight").await;
    let status = relay.until(|status| status.confirmed == Position(40)).await;
    assert_eq!((status.broker, status.last_error), (Broker::Connected, None));
    relay.stop().await;
}

#[tokio::test]
async fn a_queue_that_refuses_is_named_where_the_management_may_be_asked() {
    let scene = Scene::create().await;
    let mut relay = scene.relay_with_management();
    let error = refused_by_a_stranger(&scene, &mut relay, "strangers-own").await;
    assert!(
        error.contains("strangers-own is told to refuse (overflow = reject-publish, by policy: tight)"),
        "{error}"
    );
    assert!(error.contains(" since 2"), "{error}");
    goes_on_when_the_queue_takes_messages_again(scene, relay).await;
}

#[tokio::test]
async fn where_the_management_may_not_be_asked_it_is_said_what_to_look_for_and_since_when() {
    let scene = Scene::create().await;
    let mut relay = scene.relay();
    let error = refused_by_a_stranger(&scene, &mut relay, "nack").await;
    for told in [
        "look for a queue",
        "reject-publish",
        "rabbitmqctl list_queues",
        " since 2",
    ] {
        assert!(error.contains(told), "{error}");
    }
    goes_on_when_the_queue_takes_messages_again(scene, relay).await;
}

#[tokio::test]
async fn a_connection_that_the_broker_closes_is_shown_with_the_brokers_reason() {
    let scene = Scene::create().await;
    let mut relay = scene.relay();
    relay.until(|status| status.role == Role::Leader).await;
    assert!(scene.vhost.close_connections().await > 0);
    let status = relay.until(|status| status.last_error.is_some()).await;
    let error = status.last_error.expect("an error");
    assert!(
        error.contains("the broker closed the connection: 320 CONNECTION_FORCED"),
        "{error}"
    );
    relay.until(|status| status.role == Role::Leader).await;
    relay.stop().await;
}

/// A proxy between relay and broker; the relay leads and has nothing to do.
async fn by_way_of_a_proxy(scene: &Scene, config: RelayConfig) -> (CutProxy, Running) {
    let (proxy, url) = CutProxy::to_url(&scene.vhost.amqp_url()).await.expect("a proxy");
    // Without signs of life the next byte in either direction is about an event.
    let mut relay = scene.relay_by_way_of(
        RelayConfig {
            sign_of_life: NEVER,
            ..config
        },
        &url,
    );
    relay.until(|status| status.role == Role::Leader).await;
    scene.record(1, 1).await;
    relay.until_confirmed(1).await;
    eventually("the checkpoint is saved", || async {
        scene.checkpoint().await.watermark == Position(1)
    })
    .await;
    (proxy, relay)
}

#[tokio::test]
async fn a_connection_lost_before_the_confirm_means_that_events_come_again() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    let (proxy, relay) = by_way_of_a_proxy(&scene, quick()).await;
    proxy.cut_after_bytes(Direction::ToClient, 0);
    scene.record(2, 300).await;
    listener.until(300).await;
    // The broker had taken what it could not confirm.
    while !listener.has_duplicates() {
        listener.receive().await;
    }
    relay.stop().await;
}

#[tokio::test]
async fn a_connection_lost_in_the_middle_of_a_message_loses_none() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    let (proxy, relay) = by_way_of_a_proxy(&scene, quick()).await;
    proxy.cut_after_bytes(Direction::ToServer, 30_000);
    scene.record(2, 300).await;
    listener.until(300).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_connection_lost_after_confirm_and_checkpoint_brings_nothing_again() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    let (proxy, relay) = by_way_of_a_proxy(&scene, quick()).await;
    proxy.cut();
    scene.record(2, 100).await;
    listener.until(100).await;
    assert_eq!(listener.positions.iter().filter(|position| **position == 1).count(), 1);
    relay.stop().await;
}

#[tokio::test]
async fn a_crash_before_the_checkpoint_loses_nothing_and_sends_again() {
    let scene = Scene::create().await;
    scene.record(1, 100).await;
    let mut listener = scene.listener().await;
    let mut relay = scene.relay_with(RelayConfig {
        checkpoint_pause: NEVER,
        ..quick()
    });
    relay.until_confirmed(100).await;
    relay.crash().await;
    assert_eq!(scene.checkpoint().await.position, Position(0));

    let again = scene.relay();
    listener.until(100).await;
    eventually("all is saved", || async {
        scene.checkpoint().await.watermark == Position(100)
    })
    .await;
    scene.record(101, 101).await;
    listener.until(101).await;
    assert_eq!(listener.positions.len(), 201, "everything twice but the last");
    again.stop().await;
}

#[tokio::test]
async fn crash_after_crash_everything_arrives_in_order() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    let short = RelayConfig {
        lease_ttl: Duration::from_millis(300),
        window: 20,
        ..quick()
    };
    for round in 1..=4 {
        scene.record(round * 100 - 99, round * 100).await;
        let mut relay = scene.relay_with(short.clone());
        // Somewhere in the middle.
        relay.until(|status| status.confirmed.0 > round * 100 - 60).await;
        relay.crash().await;
    }
    let relay = scene.relay();
    listener.until(400).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_broker_that_is_away_is_waited_for() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    let (proxy, mut relay) = by_way_of_a_proxy(&scene, quick()).await;
    proxy.refuse(true);
    proxy.cut();
    scene.record(2, 50).await;
    let status = relay
        .until(|status| status.last_error.as_ref().is_some_and(|e| e.contains("cannot connect")))
        .await;
    assert_eq!(status.broker, Broker::Disconnected);
    assert!(status.health().is_err());
    proxy.refuse(false);
    listener.until(50).await;
    let status = relay.until(|status| status.confirmed == Position(50)).await;
    assert_eq!((status.broker, status.last_error), (Broker::Connected, None));
    relay.stop().await;
}

#[tokio::test]
async fn a_broker_that_falls_silent_is_given_up_and_gone_back_to() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    let quickly = RelayConfig {
        confirm_timeout: Duration::from_millis(300),
        ..quick()
    };
    let (proxy, mut relay) = by_way_of_a_proxy(&scene, quickly).await;
    proxy.freeze_direction(Direction::ToClient, true);
    scene.record(2, 50).await;
    relay
        .until(|status| {
            status
                .last_error
                .as_ref()
                .is_some_and(|e| e.contains("confirmed nothing"))
        })
        .await;
    proxy.freeze_direction(Direction::ToClient, false);
    listener.until(50).await;
    relay.stop().await;
}

#[tokio::test]
async fn while_the_broker_blocks_nothing_is_timed_and_the_state_shows_it() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    let proxy = BlockingProxy::to_url(&scene.vhost.amqp_url()).await;
    let config = RelayConfig {
        confirm_timeout: Duration::from_millis(50),
        ..quick()
    };
    let mut relay = scene.relay_by_way_of(config, proxy.url());
    relay.until(|status| status.role == Role::Leader).await;
    proxy.block(true);
    let status = relay.until(|status| status.broker == Broker::Blocked).await;
    assert!(status.health().is_err_and(|line| line.contains("blocks publishing")));
    scene.record(1, 100).await;
    // It goes on leading, far longer than a confirm may take.
    let renewed = "SELECT expires_at > clock_timestamp() + interval '1300 ms' AND expires_at > $1 FROM relay";
    let mut since = chrono::Utc::now();
    for _ in 0..3 {
        since += Duration::from_millis(400);
        eventually("the lease is renewed", || async {
            sqlx::query_scalar(renewed)
                .bind(since)
                .fetch_one(scene.admin())
                .await
                .expect("an answer")
        })
        .await;
    }
    assert_eq!((relay.status().role, relay.status().last_error), (Role::Leader, None));
    proxy.block(false);
    listener.until(100).await;
    assert!(!listener.has_duplicates());
    relay.until(|status| status.broker == Broker::Connected).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_database_that_ends_all_connections_is_come_back_to() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    let relay = scene.relay();
    for round in 0..3 {
        scene.record(round * 100 + 1, round * 100 + 100).await;
        sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND usename = $2")
            .bind(scene.database.name())
            .bind("marquee_event_relay")
            .execute(scene.admin())
            .await
            .expect("ended");
        listener.until(round * 100 + 100).await;
    }
    relay.stop().await;
}

#[tokio::test]
async fn a_database_that_hangs_ends_the_leadership_in_time() {
    let scene = Scene::create().await;
    let url = scene.database.url_as("marquee_event_relay", "test");
    let (proxy, url) = CutProxy::to_url(&url).await.expect("a proxy");
    let mut relay = Running::start(quick(), relay_pool(&url), &scene.vhost.amqp_url());
    relay.until(|status| status.role == Role::Leader).await;
    proxy.freeze(true);
    relay
        .until(|status| {
            status
                .last_error
                .as_ref()
                .is_some_and(|error| error.contains("lease is lost"))
        })
        .await;
    proxy.freeze(false);
    relay.until(|status| status.role == Role::Leader).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_standby_whose_database_hangs_says_so_and_stops_when_told() {
    let scene = Scene::create().await;
    let mut leader = scene.relay();
    leader.until(|status| status.role == Role::Leader).await;
    let url = scene.database.url_as("marquee_event_relay", "test");
    let (proxy, url) = CutProxy::to_url(&url).await.expect("a proxy");
    let mut standby = Running::start(quick(), relay_pool(&url), &scene.vhost.amqp_url());
    standby.until(|status| status.role == Role::Standby).await;
    proxy.freeze(true);
    standby.until(|status| status.last_error.is_some()).await;
    standby.stop().await;
    leader.stop().await;
}
