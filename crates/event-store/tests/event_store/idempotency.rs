//! The same key twice: at once, in one batch, across processes, after a rejection became stale.

use std::time::Duration;

use domain::{Position, Sequence};
use event_store::{ExecuteError, Outcome, RecordedAnswer};

use crate::setup::{Executed, Log, accepted, keyed, register, set_profile};

#[track_caller]
fn replayed(executed: Executed) -> RecordedAnswer {
    match executed {
        Ok(Outcome::Replayed(answer)) => answer,
        other => panic!("not replayed: {other:?}"),
    }
}

#[tokio::test]
async fn the_same_key_again_gives_the_recorded_answer_and_appends_nothing() {
    let log = Log::create().await;
    let process = log.process();
    accepted(process.execute_with("1", register("Ada"), keyed("k", "hash")).await);
    accepted(process.execute("1", set_profile("Ada Lovelace")).await);

    let again = replayed(process.execute_with("1", register("Ada"), keyed("k", "hash")).await);

    let location = Some("/users/k".to_owned());
    assert_eq!(
        again,
        RecordedAnswer {
            status: 201,
            sequence: Sequence(1),
            position: Position(1),
            location,
            log_id: log.reader().log_id().await.expect("the log")
        }
    );
    assert_eq!(log.assert_unbroken().await, 2);
}

#[tokio::test]
async fn the_same_key_of_another_request_is_refused() {
    let log = Log::create().await;
    let process = log.process();
    accepted(process.execute_with("1", register("Ada"), keyed("k", "hash")).await);
    let other = process
        .execute_with("2", register("Ada"), keyed("k", "other hash"))
        .await;
    assert!(matches!(other, Err(ExecuteError::KeyReused)), "{other:?}");
    assert_eq!(log.assert_unbroken().await, 1);
}

#[tokio::test]
async fn a_no_op_is_recorded_too() {
    let log = Log::create().await;
    let process = log.process();
    accepted(process.execute("1", register("Ada")).await);
    let (sequence, position, events) =
        accepted(process.execute_with("1", set_profile("Ada"), keyed("k", "hash")).await);
    assert_eq!((sequence, position, events), (Sequence(1), Position(1), 0));
    accepted(process.execute("1", set_profile("Ada Lovelace")).await);

    let again = replayed(process.execute_with("1", set_profile("Ada"), keyed("k", "hash")).await);

    assert_eq!((again.sequence, again.position), (Sequence(1), Position(1)));
    assert_eq!(
        log.assert_unbroken().await,
        2,
        "the repetition did not change the name back"
    );
}

#[tokio::test]
async fn twice_at_once_in_one_process_one_is_accepted_and_one_replayed() {
    let log = Log::create().await;
    let process = log.process();
    let held = log.hold_appends().await;
    let once = || process.execute_with("1", register("Ada"), keyed("k", "hash"));
    let release = async {
        log.append_waits().await;
        drop(held);
    };
    let (one, two, three, ()) = tokio::join!(once(), once(), once(), release);
    let accepted = [&one, &two, &three]
        .into_iter()
        .filter(|r| matches!(r, Ok(Outcome::Accepted { .. })))
        .count();
    let replayed = [&one, &two, &three]
        .into_iter()
        .filter(|r| matches!(r, Ok(Outcome::Replayed(_))))
        .count();
    assert_eq!((accepted, replayed), (1, 2), "{one:?} {two:?} {three:?}");
    assert_eq!(log.assert_unbroken().await, 1);
}

#[tokio::test]
async fn twice_at_once_across_processes_one_is_accepted_and_one_replayed() {
    let log = Log::create().await;
    let (one, other) = (log.process(), log.process());
    for n in 0..20 {
        let (id, key) = (format!("user-{n}"), format!("key-{n}"));
        let (first, second) = tokio::join!(
            one.execute_with(&id, set_profile("Ada"), keyed(&key, "hash")),
            other.execute_with(&id, set_profile("Ada"), keyed(&key, "hash")),
        );
        let outcomes = [&first, &second];
        let accepted = outcomes
            .iter()
            .filter(|r| matches!(r, Ok(Outcome::Accepted { .. })))
            .count();
        let replayed = outcomes
            .iter()
            .filter(|r| matches!(r, Ok(Outcome::Replayed(_))))
            .count();
        assert_eq!((accepted, replayed), (1, 1), "{first:?} {second:?}");
    }
    assert_eq!(log.assert_unbroken().await, 40);
}

#[tokio::test]
async fn a_repetition_that_would_now_be_rejected_or_fail_its_condition_is_still_replayed() {
    let log = Log::create().await;
    let (one, other) = (log.process(), log.process());
    accepted(one.execute_with("1", register("Ada"), keyed("k", "hash")).await);
    replayed(other.execute_with("1", register("Ada"), keyed("k", "hash")).await);

    let mut conditional = keyed("k2", "hash");
    conditional.condition = log.if_match(1).await.condition;
    accepted(
        one.execute_with("1", set_profile("Ada Lovelace"), conditional.clone())
            .await,
    );
    replayed(other.execute_with("1", set_profile("Ada Lovelace"), conditional).await);
    assert_eq!(log.assert_unbroken().await, 2);
}

#[tokio::test]
async fn old_keys_are_forgotten_and_young_ones_kept() {
    let log = Log::create().await;
    let process = log.process();
    accepted(process.execute_with("1", register("Ada"), keyed("k", "hash")).await);
    let kept = process
        .store
        .forget_idempotency_keys(Duration::from_secs(3600), 10)
        .await
        .expect("forget");
    let forgotten = process
        .store
        .forget_idempotency_keys(Duration::ZERO, 10)
        .await
        .expect("forget");
    assert_eq!((kept, forgotten), (0, 1));
}
