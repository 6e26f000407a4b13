//! The writer's queue: bounded, and nothing it took is lost.

use domain::User;
use event_store::{CommandRequest, ExecuteError, StoreError, WriterConfig};

use crate::setup::{Log, accepted, register, set_profile, until};

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_loses_nothing_it_took() {
    let log = Log::create().await;
    let config = WriterConfig {
        queue_commands_max: 4,
        ..WriterConfig::default()
    };
    let process = log.process_with(config, log.url_as("marquee_command_api"));
    let held = log.hold_appends().await;
    let mut waiting = tokio::task::JoinSet::new();
    let mut refused = 0;
    let mut sent = 0;
    // The batch at hand, what the writer has taken for the next one, and four commands queued behind: bounded anyway.
    until(async || {
        let id = format!("user-{sent}");
        let store = process.store.clone();
        waiting.spawn(async move {
            store
                .execute::<User>(&id, &CommandRequest::default(), register("Ada"))
                .await
        });
        sent += 1;
        while let Some(done) = waiting.try_join_next() {
            let done = done.expect("task");
            assert!(matches!(done, Err(ExecuteError::Store(StoreError::Busy))), "{done:?}");
            refused += 1;
        }
        refused >= 3
    })
    .await;
    drop(held);

    let mut took = 0;
    while let Some(done) = waiting.join_next().await {
        match done.expect("task") {
            Err(ExecuteError::Store(StoreError::Busy)) => {}
            done => {
                accepted(done);
                took += 1;
            }
        }
    }
    assert!(took >= 4, "{took} taken");
    assert_eq!(log.assert_unbroken().await, took);
}

#[tokio::test]
async fn a_writer_that_is_stopped_answers_what_is_queued_and_refuses_what_comes_later() {
    let log = Log::create().await;
    let process = log.process();
    // Known to the process, so that a command on them is queued without asking the database first.
    for id in ["1", "2", "3"] {
        accepted(process.execute(id, register("Ada")).await);
    }
    let held = log.hold_appends().await;
    let store = process.store.clone();
    let execute = async |id: &str| {
        store
            .execute::<User>(id, &CommandRequest::default(), set_profile("Ada Lovelace"))
            .await
    };
    let stop = async {
        log.append_waits().await;
        let stopping = process.stop();
        drop(held);
        stopping.await;
    };
    let (one, two, three, ()) = tokio::join!(execute("1"), execute("2"), execute("3"), stop);

    for executed in [one, two, three] {
        accepted(executed);
    }
    assert_eq!(log.assert_unbroken().await, 6);
    let late = execute("4").await;
    assert!(
        matches!(late, Err(ExecuteError::Store(StoreError::Stopped))),
        "{late:?}"
    );
}
