//! Two writers on one stream: one wins, nothing is half written.

use domain::{Position, Sequence, UserError};
use event_store::{ExecuteError, Outcome};

use crate::setup::{Log, accepted, grant, register, set_profile};

#[tokio::test]
async fn of_two_writers_at_one_sequence_one_wins_and_nothing_is_half_written() {
    let log = Log::create().await;
    let (one, other) = (log.process(), log.process());
    accepted(one.execute("1", register("Ada")).await);

    let (first, second) = tokio::join!(
        one.execute_with("1", set_profile("Ada Lovelace"), log.if_match(1).await),
        other.execute_with("1", set_profile("Augusta Ada"), log.if_match(1).await),
    );

    let refused = [&first, &second].into_iter().filter(
        |result| matches!(result, Err(ExecuteError::PreconditionFailed { sequence, .. }) if *sequence == Sequence(2)),
    );
    assert_eq!(refused.count(), 1, "{first:?} {second:?}");
    assert_eq!(log.assert_unbroken().await, 2);
}

#[tokio::test]
async fn an_unconditional_command_that_conflicts_is_decided_again_on_what_the_other_did() {
    let log = Log::create().await;
    let (one, other) = (log.process(), log.process());
    accepted(one.execute("1", register("Ada")).await);
    accepted(other.execute("1", set_profile("Ada Lovelace")).await);

    let (sequence, position, events) = accepted(one.execute("1", grant("manager")).await);

    assert_eq!((sequence, position, events), (Sequence(3), Position(3), 1));
}

#[tokio::test]
async fn many_commands_at_once_on_one_stream_are_all_accepted_one_after_the_other() {
    let log = Log::create().await;
    let process = log.process();
    accepted(process.execute("1", register("Ada")).await);

    let many = (0..40).map(|n| process.execute("1", set_profile(&format!("Ada {n}"))));
    for executed in futures::future::join_all(many).await {
        accepted(executed);
    }

    assert_eq!(log.assert_unbroken().await, 41);
}

#[tokio::test]
async fn conflicts_are_found_at_sequence_10_and_above() {
    let log = Log::create().await;
    let (one, other) = (log.process(), log.process());
    accepted(one.execute("1", register("0")).await);
    for n in 2..=12 {
        accepted(one.execute("1", set_profile(&n.to_string())).await);
    }
    for expected in [9, 10, 11] {
        let stale = other
            .execute_with("1", set_profile("stale"), log.if_match(expected).await)
            .await;
        assert!(
            matches!(
                stale,
                Err(ExecuteError::PreconditionFailed {
                    sequence: Sequence(12),
                    ..
                })
            ),
            "{stale:?}"
        );
    }
    let (sequence, ..) = accepted(other.execute_with("1", set_profile("13"), log.if_match(12).await).await);
    assert_eq!(sequence, Sequence(13));
    let (sequence, ..) = accepted(one.execute("1", set_profile("14")).await);
    assert_eq!(
        sequence,
        Sequence(14),
        "the first process conflicted on its cached sequence 12 and decided again"
    );
}

#[tokio::test]
async fn a_conflict_within_a_batch_leaves_the_other_commands_accepted() {
    let log = Log::create().await;
    let (one, other) = (log.process(), log.process());
    for id in ["a", "b", "c"] {
        accepted(one.execute(id, register(id)).await);
    }
    accepted(other.execute("b", set_profile("moved")).await);

    let if_unmoved = log.if_match(1).await;
    let mut held = log.hold_appends().await;
    let first = one.execute("first", register("first"));
    let batch = async {
        log.append_waits().await;
        let batch = async {
            tokio::join!(
                one.execute_with("a", set_profile("a2"), if_unmoved.clone()),
                one.execute_with("b", set_profile("b2"), if_unmoved.clone()),
                one.execute_with("c", set_profile("c2"), if_unmoved.clone()),
            )
        };
        let release = async {
            tokio::task::yield_now().await;
            sqlx::query("SELECT pg_advisory_unlock(1)")
                .execute(&mut held)
                .await
                .expect("unlock");
        };
        tokio::join!(batch, release).0
    };
    let (first, (a, b, c)) = tokio::join!(first, batch);

    accepted(first);
    accepted(a);
    accepted(c);
    assert!(
        matches!(
            b,
            Err(ExecuteError::PreconditionFailed {
                sequence: Sequence(2),
                ..
            })
        ),
        "{b:?}"
    );
    assert_eq!(log.assert_unbroken().await, 7);
}

#[tokio::test]
async fn a_command_of_several_events_is_all_or_nothing() {
    let log = Log::create().await;
    let (one, other) = (log.process(), log.process());
    let (sequence, position, events) = accepted(one.execute("1", set_profile("Ada")).await);
    assert_eq!((sequence, position, events), (Sequence(2), Position(2), 2));

    let late = other.execute_with("1", set_profile("Ada"), log.if_match(0).await).await;

    assert!(matches!(late, Err(ExecuteError::PreconditionFailed { .. })), "{late:?}");
    assert_eq!(log.assert_unbroken().await, 2);
}

#[tokio::test]
async fn a_stale_cache_never_causes_a_wrong_rejection_or_a_wrong_no_op() {
    let log = Log::create().await;
    let (one, other) = (log.process(), log.process());
    accepted(one.execute("1", register("Ada")).await);
    let unknown = other.execute("2", grant("manager")).await;
    assert!(matches!(unknown, Err(ExecuteError::Rejected(UserError::NotFound))));
    accepted(one.execute("2", register("Bob")).await);
    let (sequence, ..) = accepted(other.execute("2", grant("manager")).await);
    assert_eq!(sequence, Sequence(2), "not rejected by the unknown user of the cache");

    accepted(one.execute("1", set_profile("Ada Lovelace")).await);
    accepted(other.execute("1", set_profile("Ada")).await);
    let (sequence, _, events) = accepted(one.execute("1", set_profile("Ada Lovelace")).await);
    assert_eq!(
        (sequence, events),
        (Sequence(4), 1),
        "not a no-op by the profile of the cache"
    );

    let (sequence, position, events) = accepted(one.execute("1", set_profile("Ada Lovelace")).await);
    assert_eq!((sequence, events), (Sequence(4), 0), "a true no-op changes nothing");
    assert_eq!(
        position,
        Position(6),
        "and answers with the position of the stream's last event"
    );
    let Ok(Outcome::Accepted { state, .. }) = one.execute("1", set_profile("Ada Lovelace")).await else {
        panic!()
    };
    assert_eq!(state.full_name().map(|name| name.as_str()), Some("Ada Lovelace"));
}
