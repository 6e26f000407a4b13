//! What time does not heal stops the relay loudly, after everything before it is confirmed, and harms nothing else.

use domain::Position;
use event_relay::{RelayStatus, Role};
use event_store::{LogReader, adopt, plan_adoption};
use sqlx::Executor;

use crate::listener::Listener;
use crate::scene::{Running, Scene, eventually};

async fn until_halted(relay: &mut Running, code: &str) -> RelayStatus {
    relay
        .until(|status| status.halted.as_ref().is_some_and(|halt| halt.code == code))
        .await
}

#[tokio::test]
async fn a_gap_in_the_log_stops_the_relay_right_before_it() {
    let scene = Scene::create().await;
    scene.record(1, 10).await;
    scene.record(12, 400).await;
    let mut listener = scene.listener().await;
    let mut relay = scene.relay();
    let status = until_halted(&mut relay, "LOG_GAP").await;
    assert_eq!(status.confirmed, Position(10));
    assert!(
        status
            .health()
            .is_err_and(|line| line.contains("no event at position 11"))
    );
    listener.until(10).await;

    scene.record(11, 11).await;
    listener.until(400).await;
    let status = relay
        .until(|status| status.role == Role::Leader && status.halted.is_none())
        .await;
    assert_eq!(status.last_error, None);
    assert!(!listener.has_duplicates());
    relay.stop().await;
}

#[tokio::test]
async fn a_gap_wider_than_a_read_is_still_seen() {
    let scene = Scene::create().await;
    scene.record(1, 3).await;
    scene.record(5_000, 5_001).await;
    let mut relay = scene.relay();
    let status = until_halted(&mut relay, "LOG_GAP").await;
    assert_eq!(status.confirmed, Position(3));
    relay.stop().await;
}

#[tokio::test]
async fn an_event_without_a_message_stops_the_relay_right_before_it() {
    let scene = Scene::create().await;
    scene.record(1, 10).await;
    change_log(&scene, "UPDATE events SET aggregate_type = 'planet' WHERE position = 6").await;
    let mut listener = scene.listener().await;
    let mut relay = scene.relay();
    let status = until_halted(&mut relay, "EVENT_UNPUBLISHABLE").await;
    assert_eq!(status.confirmed, Position(5));
    assert!(status.health().is_err_and(|line| line.contains("position 6")));
    listener.until(5).await;
    relay.stop().await;
}

/// As nobody may but whoever restores a database.
async fn change_log(scene: &Scene, statement: &str) {
    let mut tx = scene.admin().begin().await.expect("a transaction");
    tx.execute("SET LOCAL session_replication_role = replica")
        .await
        .expect("without triggers");
    sqlx::raw_sql(statement).execute(&mut *tx).await.expect("changed");
    tx.commit().await.expect("committed");
}

/// A log that is published and heard, by a relay that goes on.
async fn publishing(positions: i64) -> (Scene, Listener, Running) {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    scene.record(1, positions).await;
    let mut relay = scene.relay();
    listener.until(positions).await;
    relay.until_confirmed(positions).await;
    (scene, listener, relay)
}

async fn published(positions: i64) -> Scene {
    let scene = Scene::create().await;
    scene.record(1, positions).await;
    let mut relay = scene.relay();
    relay.until_confirmed(positions).await;
    relay.stop().await;
    scene
}

#[tokio::test]
async fn a_log_of_a_new_identity_that_has_what_was_published_is_published_on() {
    let scene = published(5).await;
    change_log(&scene, "UPDATE log SET log_id = gen_random_uuid()").await;
    scene.record(6, 8).await;
    let mut relay = scene.relay();
    relay.until_confirmed(8).await;
    assert_eq!(relay.status().halted, None);
    relay.stop().await;
    let log_id = LogReader::new(scene.relay_pool()).log_id().await.expect("a log");
    assert_eq!(scene.checkpoint().await.log_id, Some(log_id));
}

#[tokio::test]
async fn a_log_that_went_back_is_not_published() {
    let scene = published(5).await;
    change_log(&scene, "DELETE FROM events WHERE position = 5").await;
    let mut relay = scene.relay();
    until_halted(&mut relay, "LOG_DIVERGED").await;
    relay.stop().await;
}

#[tokio::test]
async fn a_log_that_went_back_and_on_again_is_not_published() {
    let scene = published(5).await;
    change_log(&scene, "DELETE FROM events WHERE position = 5").await;
    scene.record(5, 8).await;
    let mut relay = scene.relay();
    until_halted(&mut relay, "LOG_DIVERGED").await;
    relay.stop().await;
}

#[tokio::test]
async fn a_new_identity_under_a_leader_is_noticed_and_told_to_consumers() {
    let (scene, mut listener, mut relay) = publishing(5).await;
    let before = listener.watermarks.last().expect("a watermark").log_id;
    change_log(&scene, "UPDATE log SET log_id = gen_random_uuid()").await;
    scene.record(6, 10).await;
    listener.until(10).await;
    assert_ne!(listener.watermarks.last().expect("a watermark").log_id, before);
    relay
        .until(|status| status.role == Role::Leader && status.halted.is_none() && status.last_error.is_none())
        .await;
    relay.stop().await;
}

#[tokio::test]
async fn a_log_that_went_back_is_published_on_once_it_is_adopted() {
    let (scene, mut listener, mut relay) = publishing(5).await;
    scene.record(6, 9).await;
    listener.until(9).await;
    relay.until_confirmed(9).await;
    eventually("the checkpoint is written", || async {
        scene.checkpoint().await.position == Position(9)
    })
    .await;
    change_log(&scene, "DELETE FROM events WHERE position > 7").await;
    until_halted(&mut relay, "LOG_DIVERGED").await;

    let mut superuser = scene.admin().acquire().await.expect("a connection");
    let planned = plan_adoption(&mut superuser).await.expect("a plan");
    assert_eq!((planned.head, planned.relay), (Position(7), Position(9)));
    assert!(planned.relay_afterwards <= Position(7));
    let (log_id, _) = adopt(&mut superuser, planned.log_id).await.expect("adopted");
    scene.record(8, 12).await;
    listener.until(12).await;
    relay
        .until(|status| status.role == Role::Leader && status.halted.is_none())
        .await;
    relay.stop().await;
    assert_eq!(listener.watermarks.last().expect("a watermark").log_id, log_id);
    let of_the_new_log: Vec<i64> = listener.positions.iter().rev().take(5).rev().copied().collect();
    assert_eq!(
        of_the_new_log,
        [8, 9, 10, 11, 12],
        "8 and 9 again, for they are other events now"
    );
}

#[tokio::test]
async fn a_log_that_went_back_under_a_leader_and_on_beyond_it_is_not_published_on() {
    let (scene, mut listener, mut relay) = publishing(9).await;
    // In one transaction, as a restore looks to a relay that does not read meanwhile.
    change_log(
        &scene,
        "DELETE FROM events WHERE position > 5;
         INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_id, event_type, event_version, payload, metadata)
         SELECT p, 'user', 'other' || p, 1, gen_random_uuid(), 'user.created', '1', '{}', '{}' FROM generate_series(6, 12) p",
    )
    .await;
    let status = until_halted(&mut relay, "LOG_DIVERGED").await;
    assert_eq!(status.confirmed, Position(9));
    relay.stop().await;
    listener.until(9).await;
    assert!(
        listener.positions.iter().all(|position| *position <= 9),
        "{:?}",
        listener.positions
    );
}

#[tokio::test]
async fn a_log_that_went_back_and_took_the_checkpoint_along_is_noticed_by_the_relay_that_published_more() {
    let (scene, mut listener, mut relay) = publishing(5).await;
    // As on a standby that lacked the last two events, and got others in their places since.
    change_log(
        &scene,
        "WITH others AS (UPDATE events SET event_id = gen_random_uuid() WHERE position > 3)
         UPDATE relay SET position = 3, watermark = 3, event_id = (SELECT event_id FROM events WHERE position = 3)",
    )
    .await;
    let end_sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'test relay'";
    scene.admin().execute(end_sessions).await.expect("ended");
    let status = until_halted(&mut relay, "LOG_DIVERGED").await;
    assert!(status.health().is_err_and(|line| line.contains("published")));

    let mut superuser = scene.admin().acquire().await.expect("a connection");
    let planned = plan_adoption(&mut superuser).await.expect("a plan");
    adopt(&mut superuser, planned.log_id).await.expect("adopted");
    scene.record(6, 6).await;
    listener.until(6).await;
    relay.stop().await;
    let of_the_new_log: Vec<i64> = listener.positions.iter().rev().take(3).rev().copied().collect();
    assert_eq!(
        of_the_new_log,
        [4, 5, 6],
        "4 and 5 again, for they are other events now"
    );
}
