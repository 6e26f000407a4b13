//! What a projection tells of itself besides its position.

use domain::Position;
use projections::ConsumerArgs;
use serde_json::json;

use crate::operators::asking::{get, post, relay, served};
use crate::process::{Process, args, eventually};
use crate::recorder::Recorder;
use crate::stack::Stack;

#[tokio::test]
async fn it_tells_of_its_queue_its_speed_and_its_code() {
    let (mut stack, process, _recorder) = served().await;
    let status = get(&process, "").await.ok();
    assert_eq!((&status["code_version"], &status["version"]), (&json!(0), &json!(0)));
    assert_eq!(
        (&status["rebuild"], &status["retired_generation"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(
        status["queue"],
        json!({"name": "recorder.v1", "messages": 0, "consumers": 1})
    );
    relay(&mut stack, &["m-1", "m-2"]).await;
    eventually("a speed", async || {
        get(&process, "").await.ok()["events_per_second"]
            .as_f64()
            .filter(|rate| *rate >= 0.0)
    })
    .await;
}

/// Waits until the status tells of so many messages and consumers.
async fn expect_queue(process: &Process, messages: u64, consumers: u64) {
    let what = format!("a queue of {messages} messages and {consumers} consumers");
    eventually(&what, async || {
        let queue = get(process, "").await.ok()["queue"].clone();
        (queue["messages"] == messages && queue["consumers"] == consumers).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_queue_of_one_that_is_held_is_told_of_as_it_is() {
    let mut stack = Stack::start().await;
    let stuck = Recorder::default();
    stuck.stick(true);
    let args = ConsumerArgs { prefetch: 10, ..args() };
    let process = stack.serve_with(stuck.clone(), args).await;
    process.reach_state("waiting").await;
    let head = stack.append_many(30).await;
    stack.relay(0, head).await;
    process.reach_state("held").await;
    // 24 events that it asks for, and three watermarks; ten of them are in its hands.
    expect_queue(&process, 27, 1).await;
    let more = stack.append_many(5).await;
    stack.relay(head, more).await;
    expect_queue(&process, 32, 1).await;
    stuck.stick(false);
    stack.expect_equal_to_log(more).await;
    expect_queue(&process, 0, 1).await;
}

#[tokio::test]
async fn one_that_is_held_and_loses_its_queue_goes_back_to_it() {
    let (mut stack, process, stuck) = served().await;
    stuck.stick(true);
    let head = stack.append_many(10).await;
    stack.relay(0, head).await;
    process.reach_state("held").await;
    assert!(stack.vhost.close_connections().await > 0);
    // Not only once it can go on: until then nobody would consume.
    eventually("a held consumer that has its queue again", async || {
        let status = get(&process, "").await.ok();
        let is_held = status["state"] == "held" && status["last_error"].as_str()?.contains("a_table_that_is_missing");
        (is_held && stack.depth().await.consumers == 1).then_some(())
    })
    .await;
    expect_queue(&process, 9, 1).await;
    stuck.stick(false);
    stack.expect_equal_to_log(head).await;
}

#[tokio::test]
async fn the_queue_of_one_without_a_session_is_told_of_too() {
    let (mut stack, process, _recorder) = served().await;
    post(&process, "/pause", json!({})).await.ok();
    let head = stack.append_many(10).await;
    stack.relay(0, head).await;
    expect_queue(&process, 9, 0).await;
    post(&process, "/resume", json!({})).await.ok();
    stack.expect_equal_to_log(head).await;
    expect_queue(&process, 0, 1).await;
    process.stop().await;

    let other_version = stack.serve(Recorder::of_version(2)).await;
    other_version.reach_state("version_mismatch").await;
    expect_queue(&other_version, 0, 0).await;
}

#[tokio::test]
async fn it_tells_of_a_retired_generation_and_of_the_last_rebuild() {
    let (stack, process, _recorder) = served().await;
    stack
        .change_model(
            "INSERT INTO generation (projection, number, state, version, binding_version, position, event_id, log_id) \
             VALUES ('recorder', 7, 'retired', 3, 1, 12, gen_random_uuid(), gen_random_uuid()); \
             INSERT INTO rebuild (projection, running, report) VALUES ('recorder', false, \
             '{\"kind\": \"rebuild\", \"state\": \"succeeded\", \"phase\": null, \"percent\": 100, \"x\": 1}')",
        )
        .await;
    let status = get(&process, "").await.ok();
    assert_eq!(
        status["retired_generation"],
        json!({"number": 7, "version": 3, "position": 12})
    );
    assert_eq!(
        status["rebuild"],
        json!({"kind": "rebuild", "state": "succeeded", "phase": null, "percent": 100.0})
    );
}

#[tokio::test]
async fn the_last_checkpoints_are_remembered_with_their_times() {
    let (mut stack, _process, _recorder) = served().await;
    relay(&mut stack, &["m-1"]).await;
    // As if the one before the first move were the oldest that is remembered.
    stack
        .change_model("UPDATE checkpoint SET move = move + 65534 WHERE position = 1")
        .await;
    relay(&mut stack, &["m-1"]).await;
    relay(&mut stack, &["m-1"]).await;
    let positions = stack.column("SELECT position FROM checkpoint ORDER BY move").await;
    assert_eq!(positions, [1, 2, 3], "with a new one the oldest is forgotten");
    let recent = stack
        .column("SELECT position FROM checkpoint WHERE now() - at < interval '1 minute' ORDER BY move")
        .await;
    assert_eq!(recent, positions);
    assert_eq!(stack.log.head().await.expect("the log's head").position, Position(3));
}
