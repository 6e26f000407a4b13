//! The relay's row: the lease, and the checkpoint that an epoch which is over cannot move.

use std::time::Duration;

use domain::Position;
use event_store::{LogReader, RelayCheckpoint, RelayStateError};
use sqlx::Executor;
use uuid::Uuid;

use crate::scene::{NEVER, Scene};

const A: Uuid = Uuid::from_u128(1);
const B: Uuid = Uuid::from_u128(2);

/// A checkpoint at an event of the log, which is recorded up to there.
async fn at(scene: &Scene, position: i64) -> RelayCheckpoint {
    let log = LogReader::new(scene.relay_pool());
    let head = log.head().await.expect("a head").position.0;
    scene.record(head + 1, position).await;
    let place = log.place(Position(position)).await.expect("a place");
    RelayCheckpoint {
        log_id: Some(place.log_id),
        position: Position(position),
        event_id: place.event_id,
        watermark: Position(position - 1),
    }
}

/// The database's clock, moved on for the lease.
async fn expire(scene: &Scene) {
    scene
        .admin()
        .execute("UPDATE relay SET expires_at = clock_timestamp()")
        .await
        .expect("expired");
}

#[tokio::test]
async fn a_lease_is_held_by_one_and_given_to_the_next_under_a_new_epoch() {
    let scene = Scene::create().await;
    let state = scene.state();
    let first = state.acquire(A, NEVER).await.expect("an answer").expect("free");
    assert!(state.acquire(B, NEVER).await.expect("an answer").is_none());
    state.renew(&first).await.expect("renewed");
    state.release(&first).await.expect("released");
    let second = state.acquire(B, NEVER).await.expect("an answer").expect("free again");
    assert_eq!(second.epoch(), first.epoch() + 1);
    state.release(&first).await.expect("does nothing");
    assert!(state.acquire(A, NEVER).await.expect("an answer").is_none());
}

#[tokio::test]
async fn an_epoch_that_is_over_moves_nothing() {
    let scene = Scene::create().await;
    let state = scene.state();
    let old = state.acquire(A, NEVER).await.expect("an answer").expect("free");
    state
        .advance(&old, &at(&scene, 5).await)
        .await
        .expect("the leader moves it");
    expire(&scene).await;
    let new = state.acquire(B, NEVER).await.expect("an answer").expect("expired");
    assert!(matches!(
        state.advance(&old, &at(&scene, 7).await).await,
        Err(RelayStateError::Fenced { .. })
    ));
    assert!(matches!(state.renew(&old).await, Err(RelayStateError::Fenced { .. })));
    assert_eq!(state.checkpoint().await.expect("read"), at(&scene, 5).await);
    state
        .advance(&new, &at(&scene, 8).await)
        .await
        .expect("the leader moves it");
    assert_eq!(state.checkpoint().await.expect("read"), at(&scene, 8).await);
}

#[tokio::test]
async fn a_lease_that_expired_without_a_successor_goes_on() {
    let scene = Scene::create().await;
    let state = scene.state();
    let lease = state.acquire(A, NEVER).await.expect("an answer").expect("free");
    expire(&scene).await;
    let lease = state.renew(&lease).await.expect("nobody led meanwhile");
    state
        .advance(&lease, &at(&scene, 3).await)
        .await
        .expect("still the leader");
    assert!(state.acquire(B, NEVER).await.expect("an answer").is_none());
}

#[tokio::test]
async fn the_checkpoint_never_goes_backward() {
    let scene = Scene::create().await;
    let state = scene.state();
    let lease = state.acquire(A, NEVER).await.expect("an answer").expect("free");
    state.advance(&lease, &at(&scene, 5).await).await.expect("moved");
    assert!(state.advance(&lease, &at(&scene, 4).await).await.is_err());
    assert_eq!(state.checkpoint().await.expect("read"), at(&scene, 5).await);
}

#[tokio::test]
async fn the_checkpoint_does_not_leave_the_log() {
    let scene = Scene::create().await;
    let state = scene.state();
    let lease = state.acquire(A, NEVER).await.expect("an answer").expect("free");
    state.advance(&lease, &at(&scene, 5).await).await.expect("moved");
    let of_another_log = RelayCheckpoint {
        event_id: Some(Uuid::from_u128(3)),
        ..at(&scene, 7).await
    };
    let beyond = RelayCheckpoint {
        position: Position(8),
        ..of_another_log.clone()
    };
    for lost in [of_another_log, beyond] {
        let moved = state.advance(&lease, &lost).await;
        assert!(matches!(moved, Err(RelayStateError::Fenced { .. })), "{lost:?}");
    }
    assert_eq!(state.checkpoint().await.expect("read"), at(&scene, 5).await);
}

#[tokio::test]
async fn the_lease_expires_by_the_clock_of_the_database() {
    let scene = Scene::create().await;
    let state = scene.state();
    let asked = std::time::Instant::now();
    let lease = state
        .acquire(A, Duration::from_secs(60))
        .await
        .expect("an answer")
        .expect("free");
    let left: f64 = sqlx::query_scalar("SELECT extract(epoch FROM expires_at - clock_timestamp())::float8 FROM relay")
        .fetch_one(scene.admin())
        .await
        .expect("an answer");
    assert!(left <= 60.0);
    assert!(lease.valid_until() <= std::time::Instant::now() + Duration::from_secs(60));
    assert!(
        lease.valid_until() >= asked + Duration::from_secs(60),
        "counted from the question, not before"
    );
}

#[tokio::test]
async fn many_ask_at_once_and_one_gets_it() {
    let scene = Scene::create().await;
    let state = scene.state();
    let asked = (1..=16).map(|holder| {
        let state = state.clone();
        async move { state.acquire(Uuid::from_u128(holder), NEVER).await.expect("an answer") }
    });
    let leases = futures::future::join_all(asked).await;
    assert_eq!(leases.into_iter().flatten().count(), 1);
}

#[tokio::test]
async fn the_relays_role_can_read_the_log_and_change_its_own_row_only() {
    let scene = Scene::create().await;
    scene.record(1, 1).await;
    let relay = scene.relay_pool();
    for allowed in [
        "SELECT * FROM events",
        "SELECT * FROM log",
        "SELECT * FROM relay",
        "UPDATE relay SET epoch = epoch",
    ] {
        relay.execute(allowed).await.expect(allowed);
    }
    let refused = [
        "UPDATE events SET sequence = sequence + 1",
        "DELETE FROM events",
        "TRUNCATE events",
        "INSERT INTO relay (one) VALUES (false)",
        "DELETE FROM relay",
        "UPDATE log SET log_id = gen_random_uuid()",
        "SELECT * FROM idempotency_keys",
        "CREATE TABLE mine (x int)",
    ];
    for statement in refused {
        let error = relay.execute(statement).await.expect_err(statement);
        let code = error.as_database_error().and_then(|error| error.code());
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {error}");
    }
    for role in ["marquee_command_api", "marquee_users"] {
        let url = scene.database.url_as(role, "test");
        crate::scene::relay_pool(&url)
            .execute("UPDATE relay SET epoch = 0")
            .await
            .expect_err(role);
    }
}
