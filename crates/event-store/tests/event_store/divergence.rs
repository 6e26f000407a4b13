//! A log that went back under a running process: nothing is appended to it before it has a new identity.

use domain::{Position, Sequence, UserCommand};
use event_store::{ExecuteError, StoreError, adopt, plan_adoption};

use crate::setup::{Log, accepted, if_match, register, set_profile, until};

#[tokio::test]
async fn a_state_of_the_lost_history_is_neither_decided_on_nor_matched_in_the_new_one() {
    let log = Log::create().await;
    let (process, other) = (log.process(), log.process());
    accepted(process.execute("1", register("Ada")).await);
    accepted(process.execute("1", set_profile("Ada Lovelace")).await);
    let lost = log.reader().log_id().await.expect("the log");

    log.tamper("DELETE FROM events WHERE position = 2").await;
    let mut admin = log.admin().await;
    let (log_id, _) = adopt(&mut admin, lost).await.expect("adopted");
    log.database.terminate_connections().await;
    // The stream comes to the sequence that the first process has in its memory, by another way.
    until(async || other.execute("1", set_profile("Augusta Ada")).await.is_ok()).await;

    let is_stale = async || {
        let executed = process.execute_with("1", set_profile("Ada"), if_match(lost, 2)).await;
        assert!(executed.is_err(), "{executed:?}");
        matches!(
            executed,
            Err(ExecuteError::PreconditionFailed { sequence: Sequence(2), log_id: present, .. }) if present == log_id
        )
    };
    until(is_stale).await;
    // In the lost history this was her name already.
    let is_renamed = async || match process.execute("1", set_profile("Ada Lovelace")).await {
        Err(ExecuteError::Store(StoreError::OutcomeUnknown)) => false,
        executed => accepted(executed) == (Sequence(3), Position(3), 1),
    };
    until(is_renamed).await;
    assert_eq!(log.assert_unbroken().await, 3);
    until(async || process.execute("2", register("Bob")).await.is_ok()).await;
    accepted(
        process
            .execute_with("2", set_profile("Robert"), if_match(log_id, 1))
            .await,
    );
}

#[tokio::test]
async fn what_was_decided_on_the_lost_history_is_decided_again() {
    let log = Log::create().await;
    let (process, other) = (log.process(), log.process());
    accepted(process.execute("1", register("Ada")).await);
    accepted(process.execute("1", set_profile("Ada Lovelace")).await);
    log.tamper("DELETE FROM events WHERE position = 2").await;
    let mut admin = log.admin().await;
    let planned = plan_adoption(&mut admin).await.expect("a plan");
    adopt(&mut admin, planned.log_id).await.expect("adopted");
    log.database.terminate_connections().await;
    until(async || other.execute("1", UserCommand::Delete).await.is_ok()).await;

    // Without a condition nothing makes the process ask before it decides, on what it remembers.
    until(async || {
        matches!(
            process.execute("1", set_profile("Ada")).await,
            Err(ExecuteError::Rejected(_))
        )
    })
    .await;
    assert_eq!(log.assert_unbroken().await, 2);
}

#[tokio::test]
async fn a_writer_that_has_seen_more_than_the_log_has_appends_nothing_before_it_is_adopted() {
    let log = Log::create().await;
    let process = log.process();
    accepted(process.execute("1", register("Ada")).await);
    accepted(process.execute("1", set_profile("Ada Lovelace")).await);
    // As on a standby that lacked the last event, and got another one in its place since.
    log.tamper("UPDATE events SET event_id = gen_random_uuid() WHERE position = 2")
        .await;
    log.database.terminate_connections().await;

    let is_refused = async || {
        let executed = process.execute("2", register("Bob")).await;
        matches!(executed, Err(ExecuteError::Store(StoreError::Diverged { position })) if position.0 == 2)
    };
    // The batch that finds the connection gone was sent, so its outcome is unknown.
    until(is_refused).await;
    assert!(is_refused().await, "it stays so");
    assert_eq!(log.assert_unbroken().await, 2);

    let mut admin = log.admin().await;
    let planned = plan_adoption(&mut admin).await.expect("a plan");
    adopt(&mut admin, planned.log_id).await.expect("adopted");
    accepted(process.execute("2", register("Bob")).await);
    accepted(process.execute("1", set_profile("Countess Lovelace")).await);
    assert_eq!(log.assert_unbroken().await, 4);
}
