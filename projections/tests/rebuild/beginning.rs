//! What a process starts by itself: the first generation on an old log, and a rebuild for newer code.

use projections::ConsumerArgs;
use serde_json::json;

use crate::process::{args, eventually};
use crate::shelf::Shelf;
use crate::stack::Stack;

fn small_batches() -> ConsumerArgs {
    ConsumerArgs {
        batch_events_max: 20,
        ..args()
    }
}

#[tokio::test]
async fn a_new_projection_on_an_old_log_is_built_and_goes_on_where_the_build_ended() {
    let stack = Stack::start().await;
    let mut appended = stack.append_many(300).await;
    let relay = stack.serve_relay().await;
    let process = stack.serve_with(Shelf::of_version(1), small_batches()).await;
    // The log grows all the time, and the bus tells of it.
    for _ in 0..20 {
        appended = stack.append_many(20).await;
    }
    stack.expect_shelf(appended).await;
    let operation = process.ended().await;
    assert_eq!(
        (&operation["kind"], &operation["state"], &operation["requested_by"]),
        (&json!("build"), &json!("succeeded"), &json!("start")),
        "{operation}"
    );
    eventually("the empty generation is gone", async || {
        (stack.schemas().await == [2]).then_some(())
    })
    .await;
    stack.expect_only(2, None).await;
    appended = stack.append_many(20).await;
    stack.expect_shelf(appended).await;
    relay.stop().await;
}

#[tokio::test]
async fn two_processes_of_a_new_projection_build_it_once() {
    let stack = Stack::start().await;
    let head = stack.append_many(300).await;
    let first = stack.serve_with(Shelf::of_version(1), small_batches()).await;
    let second = stack.serve_with(Shelf::of_version(1), small_batches()).await;
    for process in [&first, &second] {
        process.reach_state("waiting").await;
    }
    stack.expect_shelf(head).await;
    eventually("the empty generation is gone", async || {
        (stack.schemas().await == [2]).then_some(())
    })
    .await;
    stack.expect_only(2, None).await;
}

#[tokio::test]
async fn what_a_build_cannot_apply_is_parked_as_ever() {
    let stack = Stack::start().await;
    stack.append("rule-1").await;
    stack.append("rule-1").await;
    let head = stack.append_many(100).await;
    let process = stack.serve_with(Shelf::of_version(1), small_batches()).await;
    stack.reach(head).await;
    assert_eq!(process.ended().await["error"]["code"], "EVENT_REFUSED");
    assert_eq!(
        stack.column("SELECT position FROM recorder_g1.parked_events").await,
        [2]
    );
    stack.expect_only(1, None).await;
}

#[tokio::test]
async fn newer_code_rebuilds_by_itself_if_it_may_and_not_again_after_a_rollback() {
    let mut stack = Stack::start().await;
    let old = stack.serve(Shelf::of_version(1)).await;
    let head = stack.append_many(50).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    old.stop().await;
    let auto_rebuild = ConsumerArgs {
        auto_rebuild: true,
        ..args()
    };
    let new = stack.serve_with(Shelf::of_version(2), auto_rebuild.clone()).await;
    new.reach_state("waiting").await;
    let operation = new.ended().await;
    assert_eq!(
        (&operation["requested_by"], &operation["state"]),
        (&json!("auto-rebuild"), &json!("succeeded")),
        "{operation}"
    );
    stack.expect_only(2, Some(1)).await;
    let old = stack.serve_with(Shelf::of_version(1), auto_rebuild).await;
    old.reach_state("version_mismatch").await;
    assert_eq!(old.rollback().await.status(), 202, "older code does nothing by itself");
    old.ended().await;
    let later = stack.append_many(50).await;
    stack.relay(head, later).await;
    new.reach_state("version_mismatch").await;
    stack.expect_shelf(later).await;
    stack.expect_only(1, Some(2)).await;
}

#[tokio::test]
async fn an_operation_is_followed_by_events_up_to_its_end() {
    let mut stack = Stack::start().await;
    let process = stack.serve(Shelf::of_version(1)).await;
    let head = stack.append_many(60).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    let url = format!("{}/projections/recorder/rebuild/events", process.url);
    assert_eq!(reqwest::get(&url).await.expect("an answer").status(), 404);
    process.rebuild(json!({"throttle": 30})).await;
    let response = reqwest::get(&url).await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.expect("the events, all of them");
    let events: Vec<(&str, serde_json::Value)> = text
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("event: ")?.split_once("\ndata: "))
        .map(|(name, data)| (name, serde_json::from_str(data).expect("JSON")))
        .collect();
    let (last, progress) = events.split_last().expect("events");
    assert_eq!((last.0, &last.1["state"]), ("finished", &json!("succeeded")));
    assert!(progress.len() >= 2, "{text}");
    let done: Vec<i64> = events
        .iter()
        .filter_map(|(_, data)| data["events_done"].as_i64())
        .collect();
    assert!(done.is_sorted() && done.last() == Some(&head), "{done:?}");
    for (name, data) in progress {
        assert_eq!((*name, &data["state"]), ("progress", &json!("running")));
    }
}
