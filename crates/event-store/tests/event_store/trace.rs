//! What is known of a request afterwards: its events, its command, and when it was published.

use std::time::Duration;

use domain::Position;
use event_store::{Lease, Published, RelayCheckpoint, RelayState};
use uuid::Uuid;

use crate::setup::{Log, accepted, keyed, of_request, register, set_profile};

const LEASE: Duration = Duration::from_secs(3600);

/// A relay that has published what it is told to have published.
struct Publisher<'a> {
    log: &'a Log,
    state: RelayState,
    lease: Lease,
}

impl<'a> Publisher<'a> {
    async fn start(log: &'a Log) -> Self {
        let state = RelayState::new(log.pool_as("marquee_event_relay"));
        let lease = state
            .acquire(Uuid::now_v7(), LEASE)
            .await
            .expect("asked")
            .expect("free");
        Self { log, state, lease }
    }

    async fn confirm(&self, position: i64, watermark: i64) {
        let place = self.log.reader().place(Position(position)).await.expect("a place");
        let checkpoint = RelayCheckpoint {
            log_id: Some(place.log_id),
            position: Position(position),
            event_id: place.event_id,
            watermark: Position(watermark),
        };
        self.state.advance(&self.lease, &checkpoint).await.expect("advanced");
    }

    async fn published(&self, position: i64) -> Published {
        self.state.published(Position(position)).await.expect("an answer")
    }
}

#[tokio::test]
async fn the_events_of_a_request_are_found_by_its_id_and_no_others() {
    let log = Log::create().await;
    let process = log.process();
    accepted(process.execute_with("1", set_profile("Ada"), of_request("first")).await);
    accepted(process.execute_with("2", register("Bob"), of_request("second")).await);
    accepted(process.execute("3", register("Eve")).await);
    let reader = log.reader();
    let found = async |request_id: &str, limit| {
        let events = reader.by_correlation(request_id, limit).await.expect("read");
        let positions: Vec<i64> = events.iter().map(|event| event.position.0).collect();
        positions
    };
    assert_eq!(found("first", 10).await, [1, 2]);
    assert_eq!(found("first", 1).await, [1]);
    assert_eq!(found("second", 10).await, [3]);
    assert!(found("third", 10).await.is_empty());
}

#[tokio::test]
async fn a_command_with_a_key_is_found_by_its_last_event_without_the_key() {
    let log = Log::create().await;
    let process = log.process();
    accepted(
        process
            .execute_with("1", set_profile("Ada"), keyed("key-1", "hash"))
            .await,
    );
    accepted(process.execute("2", register("Bob")).await);
    let reader = log.reader();
    let events = reader.read(Position(0), 10).await.expect("read");
    let recorded = async |at: usize| {
        let event = &events[at];
        reader
            .recorded_command(event.position, event.recorded_at)
            .await
            .expect("asked")
    };
    let command = recorded(1).await.expect("it had a key");
    assert_eq!(
        (command.principal.as_str(), command.status, command.location.as_deref()),
        ("anonymous", 201, Some("/users/key-1"))
    );
    assert_eq!(
        recorded(0).await,
        None,
        "only the last event of a command stands for it"
    );
    assert_eq!(recorded(2).await, None);
    let keys = sqlx::query("SELECT key FROM idempotency_keys")
        .execute(&log.pool_as("marquee_event_relay"))
        .await;
    assert!(keys.is_err(), "the relay's role must not see keys");
}

#[tokio::test]
async fn an_event_is_published_when_the_checkpoint_has_passed_it() {
    let log = Log::create().await;
    let process = log.process();
    for n in 1..=6 {
        accepted(process.execute(&n.to_string(), register("Ada")).await);
    }
    let publisher = Publisher::start(&log).await;
    assert_eq!(publisher.published(1).await, Published::NotYet);
    publisher.confirm(2, 0).await;
    publisher.confirm(5, 2).await;
    let first = publisher.published(1).await;
    assert!(matches!(first, Published::At(_)), "{first:?}");
    assert_eq!(publisher.published(2).await, first, "one confirm, one time");
    let (Published::At(earlier), Published::At(later)) = (first, publisher.published(3).await) else {
        panic!("published");
    };
    assert!(earlier < later);
    publisher.confirm(5, 5).await;
    assert_eq!(
        publisher.published(5).await,
        Published::At(later),
        "a watermark that follows changes no time"
    );
    assert_eq!(publisher.published(6).await, Published::NotYet);
}

#[tokio::test]
async fn times_that_were_written_over_are_forgotten_and_never_guessed() {
    let log = Log::create().await;
    let process = log.process();
    for n in 1..=4 {
        accepted(process.execute(&n.to_string(), register("Ada")).await);
    }
    let publisher = Publisher::start(&log).await;
    publisher.confirm(1, 0).await;
    // As if the first one were about to be forgotten.
    log.tamper("UPDATE relay SET moves = 65535").await;
    publisher.confirm(2, 0).await;
    publisher.confirm(3, 0).await;
    let moves: i64 = sqlx::query_scalar("SELECT count(*) FROM publication")
        .fetch_one(&mut log.admin().await)
        .await
        .expect("moves");
    assert_eq!(moves, 2, "each move forgets one");
    assert_eq!(publisher.published(1).await, Published::Forgotten);
    assert_eq!(
        publisher.published(2).await,
        Published::Forgotten,
        "the oldest tells from where on it knows"
    );
    assert!(matches!(publisher.published(3).await, Published::At(_)));
}
