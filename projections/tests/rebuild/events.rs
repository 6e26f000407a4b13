//! Events that cannot be applied, and those that an operator has discarded.

use serde_json::{Value, json};

use crate::process::Process;

use crate::shelf::{FUTURE_VERSION, Shelf};
use crate::stack::Stack;

const PREMIERE: &str = "movie.premiere.rescheduled";
const PAYLOAD: &str = r#"{"premiere_date": "2026-05-01"}"#;

/// A read model at 10, and behind it an event that cannot be applied, with others after it.
async fn behind_ten(kind: &str, stream: &str, version: &str, payload: &str) -> (Stack, Process) {
    let mut stack = Stack::start().await;
    let process = stack.serve(Shelf::of_version(1)).await;
    let head = stack.append_many(10).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    stack.append("rule-1").await;
    stack.append_as(kind, stream, PREMIERE, version, payload).await;
    stack.append("m-1").await;
    (stack, process)
}

async fn expect_failure(stack: &Stack, process: &Process, code: &str, in_detail: &str) {
    let response = process.rebuild(json!({})).await;
    assert_eq!(response.status(), 202);
    let operation: Value = process.ended().await;
    assert_eq!(operation["state"], "failed", "{operation}");
    let error = &operation["error"];
    assert_eq!(
        (&error["code"], &error["position"], &error["event_type"]),
        (&json!(code), &json!(12), &json!(PREMIERE)),
        "{error}"
    );
    let detail = error["detail"].as_str().expect("a detail");
    assert!(detail.contains(in_detail) && detail.contains("position 12"), "{detail}");
    stack.expect_only(1, None).await;
}

#[tokio::test]
async fn a_torn_event_ends_a_rebuild_with_its_place() {
    let (mut stack, process) = behind_ten("movie", "m-1", "1", r#"{"premiere_date": 7}"#).await;
    stack.relay(10, 13).await;
    stack.reach(13).await;
    expect_failure(&stack, &process, "EVENT_MALFORMED", "payload's JSON").await;
    stack.discard(12).await;
    process.rebuilt().await;
    assert_eq!(stack.column("SELECT parked_streams FROM projection").await, [0]);
    // The number of the one that failed is not used again.
    stack.expect_only(3, Some(1)).await;
    stack.expect_shelf(13).await;
}

#[tokio::test]
async fn an_event_that_a_rule_refuses_ends_a_rebuild_with_its_place() {
    let (mut stack, process) = behind_ten("movie", "rule-1", "1", PAYLOAD).await;
    stack.relay(10, 13).await;
    stack.reach(13).await;
    expect_failure(&stack, &process, "EVENT_REFUSED", "there is no second event").await;
    stack.discard(12).await;
    process.rebuilt().await;
    stack.expect_shelf(13).await;
}

#[tokio::test]
async fn an_event_that_this_code_does_not_know_ends_a_rebuild_with_its_place() {
    let (stack, process) = behind_ten("movie", "m-2", FUTURE_VERSION, PAYLOAD).await;
    // Newer code has applied it.
    stack.change_model("UPDATE projection SET version = 9").await;
    let response = process.rebuild(json!({})).await;
    assert_eq!(response.status(), 202);
    let operation = process.ended().await;
    assert_eq!(operation["error"]["code"], "EVENT_UNKNOWN", "{operation}");
    assert_eq!(operation["error"]["position"], 12);
    stack.expect_only(1, None).await;
}

#[tokio::test]
async fn a_hole_in_the_log_ends_a_rebuild() {
    let mut stack = Stack::start().await;
    let process = stack.serve(Shelf::of_version(1)).await;
    let head = stack.append_many(20).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    stack
        .change_log("ALTER TABLE events DISABLE TRIGGER ALL; DELETE FROM events WHERE position = 7")
        .await;
    process.rebuild(json!({})).await;
    let operation = process.ended().await;
    assert_eq!(operation["error"]["code"], "LOG_GAP", "{operation}");
    assert_eq!(operation["error"]["position"], 7);
    stack.expect_only(1, None).await;
    stack.expect_position(head).await;
}

#[tokio::test]
async fn a_generation_that_lacks_what_the_log_has_is_not_switched_to() {
    let mut stack = Stack::start().await;
    let process = stack.serve(Shelf::of_version(1)).await;
    stack.append("lost-1").await;
    let head = stack.append_many(10).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    process.rebuild(json!({})).await;
    let operation = process.ended().await;
    assert_eq!(operation["error"]["code"], "VERIFICATION_FAILED", "{operation}");
    stack.expect_only(1, None).await;
    stack.expect_shelf(head).await;
}

#[tokio::test]
async fn an_event_that_is_discarded_while_a_rebuild_runs_ends_it() {
    let mut stack = Stack::start().await;
    let process = stack.serve(Shelf::of_version(1)).await;
    let head = stack.append_many(10).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    process.rebuild(json!({"throttle": 10})).await;
    process.reach_phase("loading").await;
    stack.discard(1).await;
    let operation = process.ended().await;
    assert_eq!(operation["error"]["code"], "VERIFICATION_FAILED", "{operation}");
    stack.expect_only(1, None).await;
}

impl Stack {
    /// Discards an event, as an operator does.
    pub(crate) async fn discard(&self, position: i64) {
        let event = self.events(position - 1, position).await.remove(0);
        let (id, kind, stream) = (event.event_id, event.aggregate_type, event.aggregate_id);
        let (sequence, event_type) = (event.sequence.0, event.event_type);
        self.change_model(&format!(
            "INSERT INTO discarded_event (projection, event_id, position, aggregate_type, aggregate_id, sequence, event_type, \
             discarded_by, reason) VALUES ('recorder', '{id}', {position}, '{kind}', '{stream}', {sequence}, '{event_type}', \
             'ada', 'test')"
        ))
        .await;
    }

    async fn expect_position(&self, position: i64) {
        assert_eq!(self.position().await, Some(position));
    }
}
