//! An event that cannot be applied parks its stream and not the queue; anything else holds the place.

use projections::ConsumerArgs;

use crate::process::{Process, args};
use crate::recorder::{FUTURE_VERSION, Recorder};
use crate::stack::Stack;

const PAYLOAD: &str = r#"{"premiere_date": "2026-05-01"}"#;

async fn served() -> (Stack, Process) {
    let stack = Stack::start().await;
    let process = stack.serve(Recorder::default()).await;
    process.reach_state("waiting").await;
    (stack, process)
}

/// Appends three events of a stream among those of others, in one range.
async fn expect_second_parked(stream: &str, reason: &str) {
    let (mut stack, process) = served().await;
    for id in [stream, "m-1", stream, "m-2", stream, "m-1"] {
        stack.append(id).await;
    }
    stack.publish_range(0, 6).await;
    stack.close(0, 6).await;
    stack.reach(6).await;
    let mut applied = stack.applied().await;
    applied.sort_unstable();
    assert_eq!(applied, [1, 2, 4, 6]);
    assert_eq!(
        stack.parked().await,
        [(3, reason.to_owned()), (5, "behind_parked".to_owned())]
    );
    assert_eq!(process.status().await.expect("a status")["parked_streams"], 1);
}

#[tokio::test]
async fn an_event_that_breaks_a_rule_parks_its_stream_and_no_other() {
    expect_second_parked("rule-1", "rule").await;
}

#[tokio::test]
async fn an_event_whose_data_the_database_refuses_parks_its_stream_and_no_other() {
    expect_second_parked("data-1", "data").await;
}

#[tokio::test]
async fn an_event_that_breaks_a_constraint_parks_its_stream_and_no_other() {
    expect_second_parked("check-1", "data").await;
}

#[tokio::test]
async fn an_event_that_breaks_a_constraint_checked_at_commit_parks_its_stream_and_no_other() {
    expect_second_parked("deferred-1", "data").await;
}

#[tokio::test]
async fn a_damaged_payload_parks_its_stream_and_no_other() {
    let (mut stack, _process) = served().await;
    stack.append("m-1").await;
    stack
        .append_as(
            "movie",
            "m-1",
            "movie.premiere.rescheduled",
            "1",
            r#"{"premiere_date": 7}"#,
        )
        .await;
    stack.append("m-2").await;
    stack.append("m-1").await;
    stack.publish_range(0, 4).await;
    stack.close(0, 4).await;
    stack.reach(4).await;
    assert_eq!(stack.applied().await, [1, 3]);
    assert_eq!(
        stack.parked().await,
        [(2, "malformed".to_owned()), (4, "behind_parked".to_owned())]
    );
}

#[tokio::test]
async fn later_events_of_a_parked_stream_are_parked_behind_it_also_when_healed() {
    let (mut stack, _process) = served().await;
    for _ in 0..2 {
        stack.append("rule-1").await;
    }
    stack.relay(0, 2).await;
    stack.reach(2).await;
    for id in ["rule-1", "m-1", "rule-1"] {
        stack.append(id).await;
    }
    stack.publish_range(2, 4).await;
    stack.close(2, 4).await;
    stack.close(4, 5).await;
    stack.reach(5).await;
    assert_eq!(stack.applied().await, [1, 4]);
    let parked: Vec<i64> = stack.parked().await.into_iter().map(|(position, _)| position).collect();
    assert_eq!(parked, [2, 3, 5]);
}

#[tokio::test]
async fn a_stream_of_another_kind_with_the_same_id_is_not_taken_for_parked() {
    let (mut stack, _process) = served().await;
    for _ in 0..2 {
        stack.append("rule-1").await;
    }
    stack.append_as("user", "rule-1", "user.logged_in", "1", "{}").await;
    stack.append("m-1").await;
    stack.relay(0, 4).await;
    stack.reach(4).await;
    assert_eq!(stack.parked().await.len(), 1);
}

#[tokio::test]
async fn more_newly_parked_streams_than_allowed_hold_the_place() {
    let mut stack = Stack::start().await;
    let process = stack
        .serve_with(
            Recorder::default(),
            ConsumerArgs {
                parked_streams_per_hour_max: 2,
                ..args()
            },
        )
        .await;
    process.reach_state("waiting").await;
    for id in ["rule-1", "rule-2", "rule-3"] {
        stack.append(id).await;
        stack.append(id).await;
    }
    stack.publish_range(0, 6).await;
    stack.close(0, 6).await;
    process.reach_state("held").await;
    assert_eq!((stack.position().await, stack.parked().await.len()), (Some(0), 0));
    process.stop().await;
    let _lenient = stack.serve(Recorder::default()).await;
    stack.reach(6).await;
    assert_eq!(stack.parked().await.len(), 3);
}

#[tokio::test]
async fn an_event_of_an_unknown_version_holds_the_place_until_the_code_knows_it() {
    let mut stack = Stack::start().await;
    let recorder = Recorder::default();
    let process = stack.serve(recorder.clone()).await;
    process.reach_state("waiting").await;
    stack.append("m-1").await;
    stack.relay(0, 1).await;
    stack.reach(1).await;
    stack
        .append_as("movie", "m-1", "movie.premiere.rescheduled", FUTURE_VERSION, PAYLOAD)
        .await;
    stack.append("m-2").await;
    stack.relay(1, 3).await;
    let status = process.reach_state("held").await;
    let error = status["last_error"].as_str().expect("the reason");
    assert!(error.contains("position 2") && error.contains("version 99"), "{error}");
    assert_eq!(stack.position().await, Some(1));
    recorder.learn();
    stack.expect_equal_to_log(3).await;
    process.reach_state("consuming").await;
    assert!(stack.parked().await.is_empty());
}

#[tokio::test]
async fn what_stands_before_an_event_of_an_unknown_version_is_applied() {
    let mut stack = Stack::start().await;
    let recorder = Recorder::default();
    let process = stack.serve(recorder.clone()).await;
    process.reach_state("waiting").await;
    stack.append("m-1").await;
    stack.append_unbound().await;
    stack
        .append_as("movie", "m-1", "movie.premiere.rescheduled", FUTURE_VERSION, PAYLOAD)
        .await;
    stack.append("m-2").await;
    stack.publish_range(0, 4).await;
    stack.close(0, 4).await;
    stack.expect_equal_to_log(2).await;
    let status = process.reach_state("held").await;
    assert!(
        status["last_error"]
            .as_str()
            .expect("the reason")
            .contains("position 3")
    );
    assert_eq!(stack.position().await, Some(2), "right up to it");
    recorder.learn();
    stack.expect_equal_to_log(4).await;
    process.reach_state("consuming").await;
}

#[tokio::test]
async fn a_missing_table_holds_the_place_until_it_is_there() {
    let (mut stack, process) = served().await;
    stack
        .change_model("ALTER TABLE recorder_g1.applied RENAME TO missing")
        .await;
    let head = stack.append_many(10).await;
    stack.relay(0, head).await;
    process.reach_state("held").await;
    assert_eq!(stack.position().await, Some(0));
    stack
        .change_model("ALTER TABLE recorder_g1.missing RENAME TO applied")
        .await;
    stack.expect_equal_to_log(head).await;
    assert!(stack.parked().await.is_empty());
}
