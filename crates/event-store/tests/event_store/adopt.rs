//! A log with a new identity, and what stands beside it.

use std::time::Duration;

use domain::Position;
use event_store::{AdoptError, Adoption, RelayCheckpoint, RelayState, RelayStateError, adopt, plan_adoption};
use uuid::Uuid;

use crate::setup::{Log, accepted, keyed, register};

/// Ten users, one position each, each with a key; the relay has confirmed the positions given.
async fn published(checkpoints: &[i64]) -> Log {
    let log = Log::create().await;
    let process = log.process();
    for n in 1..=10 {
        let id = n.to_string();
        accepted(process.execute_with(&id, register("Ada"), keyed(&id, "hash")).await);
    }
    process.stop().await;
    let state = relay(&log);
    let lease = state
        .acquire(Uuid::now_v7(), Duration::from_millis(1))
        .await
        .expect("asked")
        .expect("free");
    for position in checkpoints {
        state
            .advance(&lease, &checkpoint(&log, *position).await)
            .await
            .expect("advanced");
    }
    log
}

fn relay(log: &Log) -> RelayState {
    RelayState::new(log.pool_as("marquee_event_relay"))
}

async fn checkpoint(log: &Log, position: i64) -> RelayCheckpoint {
    let place = log.reader().place(Position(position)).await.expect("a place");
    RelayCheckpoint {
        log_id: Some(place.log_id),
        position: Position(position),
        event_id: place.event_id,
        watermark: Position(position),
    }
}

/// Plans, adopts, and checks that what was planned was done.
async fn adopted(log: &Log) -> Adoption {
    let before = log.reader().log_id().await.expect("a log");
    let mut admin = log.admin().await;
    let planned = plan_adoption(&mut admin).await.expect("a plan");
    assert_eq!(planned.log_id, before);
    let (log_id, done) = adopt(&mut admin, before).await.expect("adopted");
    assert_eq!(done, planned);
    assert_ne!(log_id, before);
    assert_eq!(log.reader().log_id().await.expect("a log"), log_id);
    let now = relay(log).checkpoint().await.expect("a checkpoint");
    assert_eq!(now.position, done.relay_afterwards);
    assert_eq!(
        now,
        RelayCheckpoint {
            watermark: now.watermark,
            ..if now.position.0 == 0 {
                RelayCheckpoint {
                    log_id: Some(log_id),
                    ..RelayCheckpoint::default()
                }
            } else {
                checkpoint(log, now.position.0).await
            }
        }
    );
    done
}

#[tokio::test]
async fn a_log_that_has_lost_nothing_gets_a_new_identity_and_the_relay_stays_where_it_is() {
    let log = published(&[4, 8]).await;
    let done = adopted(&log).await;
    assert_eq!(
        (done.head, done.relay, done.relay_afterwards),
        (Position(10), Position(8), Position(8))
    );
    assert_eq!(done.stray_keys, 0);
}

#[tokio::test]
async fn a_relay_ahead_of_the_log_goes_back_to_its_last_checkpoint_in_it_and_lost_answers_are_forgotten() {
    let log = published(&[4, 8]).await;
    log.tamper("DELETE FROM events WHERE position > 6").await;
    let done = adopted(&log).await;
    assert_eq!(
        (done.head, done.relay, done.relay_afterwards),
        (Position(6), Position(8), Position(4))
    );
    assert_eq!(done.stray_keys, 4);
    let keys: i64 = sqlx::query_scalar("SELECT count(*) FROM idempotency_keys")
        .fetch_one(&mut log.admin().await)
        .await
        .expect("keys");
    assert_eq!(keys, 6);
}

#[tokio::test]
async fn events_that_took_the_place_of_lost_ones_are_published() {
    let log = published(&[4, 8]).await;
    log.tamper("DELETE FROM events WHERE position > 3").await;
    let process = log.process();
    for n in 4..=10 {
        accepted(process.execute(&format!("new-{n}"), register("Bob")).await);
    }
    process.stop().await;
    let done = adopted(&log).await;
    assert_eq!(
        (done.head, done.relay, done.relay_afterwards),
        (Position(10), Position(8), Position(0)),
        "no checkpoint was in what is left: everything is published again"
    );
    assert_eq!(
        done.stray_keys, 7,
        "they would answer for events that are other ones now"
    );
}

#[tokio::test]
async fn a_relay_that_leads_meanwhile_is_fenced() {
    let log = published(&[]).await;
    let state = relay(&log);
    let lease = state
        .acquire(Uuid::now_v7(), Duration::from_secs(3600))
        .await
        .expect("asked")
        .expect("free");
    let before = checkpoint(&log, 5).await;
    adopted(&log).await;
    let advanced = state.advance(&lease, &before).await;
    assert!(matches!(advanced, Err(RelayStateError::Fenced { .. })), "{advanced:?}");
    assert!(state.progress().await.expect("a row").leader.is_none());
}

#[tokio::test]
async fn a_log_that_was_given_another_identity_meanwhile_is_left_alone() {
    let log = published(&[4]).await;
    let mut admin = log.admin().await;
    let planned = plan_adoption(&mut admin).await.expect("a plan");
    let (log_id, _) = adopt(&mut admin, planned.log_id).await.expect("adopted");
    let again = adopt(&mut admin, planned.log_id).await;
    assert!(
        matches!(again, Err(AdoptError::Changed { found }) if found == log_id),
        "{again:?}"
    );
    assert_eq!(log.reader().log_id().await.expect("a log"), log_id);
}
