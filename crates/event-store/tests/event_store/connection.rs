//! The writer's connection is cut before, during and after a batch: every command gets its true answer.

use std::time::Duration;

use dev_stack::{CutProxy, Direction};
use event_store::{ExecuteError, StoreError, WriterConfig};

use crate::setup::{Log, Process, accepted, register, set_profile, until};

/// A process whose writer reaches the database through a proxy that can be cut.
async fn behind_proxy(log: &Log, config: WriterConfig) -> (CutProxy, Process) {
    let direct = log.database.url_as("marquee_command_api", "test");
    let (proxy, through) = CutProxy::to_url(&direct).await.expect("proxy");
    let process = log.process_with(config, through.parse().expect("url"));
    (proxy, process)
}

#[tokio::test]
async fn cut_before_a_batch_the_command_is_appended_once() {
    let log = Log::create().await;
    let (proxy, process) = behind_proxy(&log, WriterConfig::default()).await;
    accepted(process.execute("1", register("Ada")).await);
    proxy.cut();
    let (_, _, events) = accepted(process.execute("1", set_profile("Ada Lovelace")).await);
    assert_eq!((events, log.assert_unbroken().await), (1, 2));
}

#[tokio::test]
async fn cut_while_the_batch_runs_the_first_copy_commits_and_the_second_answers_for_it() {
    let log = Log::create().await;
    let (proxy, process) = behind_proxy(&log, WriterConfig::default()).await;
    accepted(process.execute("0", register("Ada")).await);
    let held = log.hold_appends().await;
    let cut = async {
        log.append_waits().await;
        proxy.cut();
        // Both copies now wait for the lock: the first one still runs, for its server process has not noticed.
        until(async || waiting_appends(&log).await == 2).await;
        drop(held);
    };
    let (one, two, ()) = tokio::join!(
        process.execute("1", set_profile("Ada")),
        process.execute("2", set_profile("Bob")),
        cut
    );
    assert_eq!(accepted(one).2, 2);
    assert_eq!(accepted(two).2, 2);
    assert_eq!(log.assert_unbroken().await, 5, "each command once");
}

#[tokio::test]
async fn cut_after_the_commit_and_before_the_answer_the_command_is_appended_once() {
    let log = Log::create().await;
    let (proxy, process) = behind_proxy(&log, WriterConfig::default()).await;
    accepted(process.execute("0", register("Ada")).await);
    proxy.freeze(true);
    let lose_answer = async {
        // Nothing passes any more; let the request through and keep the answer back.
        proxy.freeze_direction(Direction::ToClient, true);
        proxy.freeze(false);
        let mut admin = log.admin().await;
        until(async || {
            sqlx::query_scalar::<_, i64>("SELECT count(*) FROM events")
                .fetch_one(&mut admin)
                .await
                .expect("count")
                == 3
        })
        .await;
        proxy.freeze_direction(Direction::ToClient, false);
        proxy.cut();
    };
    let (executed, ()) = tokio::join!(process.execute("1", set_profile("Ada")), lose_answer);
    assert_eq!(accepted(executed).2, 2);
    assert_eq!(log.assert_unbroken().await, 3);
}

#[tokio::test]
async fn without_an_answer_in_time_the_outcome_is_unknown_and_repeating_with_the_key_is_safe() {
    let log = Log::create().await;
    let config = WriterConfig {
        append_timeout: Duration::from_millis(1500),
        attempt_timeout: Duration::from_millis(1200),
        ..WriterConfig::default()
    };
    let (proxy, process) = behind_proxy(&log, config).await;
    accepted(process.execute("0", register("Ada")).await);
    proxy.freeze_direction(Direction::ToClient, true);
    let unknown = process
        .execute_with("1", register("Ada"), crate::setup::keyed("k", "hash"))
        .await;
    assert!(
        matches!(unknown, Err(ExecuteError::Store(StoreError::OutcomeUnknown))),
        "{unknown:?}"
    );
    proxy.freeze_direction(Direction::ToClient, false);
    proxy.cut();
    let again = process
        .execute_with("1", register("Ada"), crate::setup::keyed("k", "hash"))
        .await;
    assert!(again.is_ok(), "{again:?}");
    assert_eq!(log.assert_unbroken().await, 2);
}

#[tokio::test]
async fn while_the_database_cannot_be_reached_commands_fail_for_certain_and_afterwards_work_again() {
    let log = Log::create().await;
    let config = WriterConfig {
        append_timeout: Duration::from_millis(300),
        attempt_timeout: Duration::from_millis(100),
        ..WriterConfig::default()
    };
    let (proxy, process) = behind_proxy(&log, config).await;
    proxy.refuse(true);
    let away = process.execute("1", register("Ada")).await;
    assert!(
        matches!(away, Err(ExecuteError::Store(StoreError::Unavailable(_)))),
        "{away:?}"
    );
    proxy.refuse(false);
    until(async || process.execute("1", register("Ada")).await.is_ok()).await;
    assert_eq!(log.assert_unbroken().await, 1);
}

async fn waiting_appends(log: &Log) -> i64 {
    let mut admin = log.admin().await;
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
         WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted",
    )
    .fetch_one(&mut admin)
    .await
    .expect("locks")
}
