//! Every event reaches who asks for it, in log order, soon.

use domain::Position;
use event_relay::{RelayConfig, Role};
use event_store::WAKE_CHANNEL;

use crate::scene::{EVENT_TYPES, NEVER, Scene, eventually, quick};

#[tokio::test]
async fn every_event_reaches_a_stranger_in_log_order_once() {
    let scene = Scene::create().await;
    scene.record(1, 700).await;
    let mut listener = scene.listener().await;
    let relay = scene.relay();
    listener.until(700).await;
    for position in 701..=760 {
        scene.record(position, position).await;
    }
    listener.until(760).await;
    assert_eq!(listener.positions, (1..=760).collect::<Vec<_>>());
    let recorded: Vec<(String, String)> =
        sqlx::query_as("SELECT event_type, event_id::text FROM events ORDER BY position")
            .fetch_all(scene.admin())
            .await
            .expect("the log");
    assert_eq!(listener.keys, recorded);
    relay.stop().await;
}

#[tokio::test]
async fn events_nobody_asked_for_are_confirmed_and_pass() {
    let scene = Scene::create().await;
    scene.record(1, 10).await;
    let mut relay = scene.relay();
    relay.until_confirmed(10).await;
    assert_eq!(relay.status().lag(), 0);
    relay.stop().await;
}

#[tokio::test]
async fn a_window_of_one_delivers_as_well() {
    let scene = Scene::create().await;
    scene.record(1, 20).await;
    let mut listener = scene.listener().await;
    let relay = scene.relay_with(RelayConfig { window: 1, ..quick() });
    listener.until(20).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_relay_told_to_stop_leaves_nothing_to_be_sent_again() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    let mut relay = scene.relay();
    relay.until(|status| status.role == Role::Leader).await;
    scene.record(1, 300).await;
    listener.until(300).await;
    relay.stop().await;
    let checkpoint = scene.checkpoint().await;
    assert_eq!(
        (checkpoint.position, checkpoint.watermark),
        (Position(300), Position(300))
    );

    let again = scene.relay();
    scene.record(301, 310).await;
    listener.until(310).await;
    assert!(!listener.has_duplicates());
    again.stop().await;
}

fn without_polling() -> RelayConfig {
    RelayConfig {
        poll: (NEVER, NEVER),
        ..quick()
    }
}

#[tokio::test]
async fn a_hint_in_the_process_wakes_the_relay() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    let mut relay = scene.relay_with(without_polling());
    relay.until(|status| status.role == Role::Leader).await;
    for position in 1..=5 {
        scene.record(position, position).await;
        relay.hint.tell(Position(position));
        listener.until(position).await;
    }
    relay.stop().await;
}

#[tokio::test]
async fn a_hint_from_another_process_wakes_the_relay() {
    let scene = Scene::create().await;
    let mut relay = scene.relay_with(without_polling());
    relay.until(|status| status.role == Role::Leader).await;
    scene.record(1, 1).await;
    // Until the relay listens, hints are lost.
    eventually("the hint was heard", || async {
        sqlx::query("SELECT pg_notify($1, '')")
            .bind(WAKE_CHANNEL)
            .execute(scene.admin())
            .await
            .expect("sent");
        relay.status().confirmed == Position(1)
    })
    .await;
    relay.stop().await;
}

#[tokio::test]
async fn without_any_hint_the_poll_finds_what_is_new() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    let relay = scene.relay();
    for position in 1..=3 {
        scene.record(position, position).await;
        listener.until(position).await;
    }
    relay.stop().await;
}

#[test]
fn the_events_of_these_tests_reach_every_exchange() {
    for exchange in event_bus::ENTITY_EXCHANGES {
        assert!(EVENT_TYPES.iter().any(|event_type| event_type.starts_with(exchange)));
    }
}
