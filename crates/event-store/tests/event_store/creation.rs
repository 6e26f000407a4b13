//! Commands that create a stream: decided on the assumption that there is none, which the append checks.

use domain::{Sequence, User, UserError};
use event_store::{CommandRequest, Connect, EventStore, ExecuteError, StoreConfig};
use service::database::{PoolOptions, connect_options, pool};
use tokio_util::sync::CancellationToken;

use crate::setup::{Log, accepted, register, set_profile};

#[tokio::test]
async fn a_command_that_creates_a_stream_is_appended_without_looking_for_it_first() {
    let log = Log::create().await;
    let nowhere = "postgres://nobody@127.0.0.1:1/nothing".parse().expect("url");
    let connect = Connect::new(connect_options(&log.url_as("marquee_command_api"), "test-writer").into_function());
    let (store, writer) = EventStore::new(pool(&nowhere, PoolOptions::default()), connect, StoreConfig::default());
    let stop = CancellationToken::new();
    let writer = tokio::spawn(writer.run(stop.clone()));

    let created = store
        .execute::<User>("1", &CommandRequest::default(), register("Ada"))
        .await;

    let (sequence, ..) = accepted(created);
    assert_eq!(sequence, Sequence(1));
    stop.cancel();
    writer.await.expect("writer");
}

#[tokio::test]
async fn a_stream_that_another_process_created_is_not_created_again() {
    let log = Log::create().await;
    let (one, other) = (log.process(), log.process());
    accepted(one.execute("1", register("Ada")).await);

    let again = other.execute("1", register("Ada")).await;

    assert!(
        matches!(again, Err(ExecuteError::Rejected(UserError::AlreadyExists))),
        "{again:?}"
    );
    assert_eq!(log.assert_unbroken().await, 1);
}

#[tokio::test]
async fn a_condition_on_a_stream_another_process_created_is_checked_against_the_store() {
    let log = Log::create().await;
    let (one, other) = (log.process(), log.process());
    accepted(one.execute("1", register("Ada")).await);

    let stale = other.execute_with("1", set_profile("Bob"), log.if_match(0).await).await;
    assert!(
        matches!(
            stale,
            Err(ExecuteError::PreconditionFailed {
                sequence: Sequence(1),
                ..
            })
        ),
        "{stale:?}"
    );
    let (sequence, ..) = accepted(other.execute_with("1", set_profile("Bob"), log.if_match(1).await).await);
    assert_eq!(sequence, Sequence(2));
}

#[tokio::test]
async fn who_was_surprised_by_an_old_stream_loads_the_next_one_instead_of_trying() {
    let log = Log::create().await;
    let (one, other) = (log.process(), log.process());
    for id in ["1", "2"] {
        accepted(one.execute(id, register("Ada")).await);
    }
    let surprised = other.execute("1", register("Ada")).await;
    assert!(matches!(
        surprised,
        Err(ExecuteError::Rejected(UserError::AlreadyExists))
    ));
    let store = other.store.clone();
    other.stop().await;

    // Nothing can be appended any more: only who does not try hears of the stream there is.
    let next = store
        .execute::<User>("2", &CommandRequest::default(), register("Ada"))
        .await;

    assert!(
        matches!(next, Err(ExecuteError::Rejected(UserError::AlreadyExists))),
        "{next:?}"
    );
}
