//! Two histories under one name: the log went back, nobody has adopted it, and other events take the positions of those that are
//! lost. No read model has events of both.

use dev_stack::CutProxy;
use reqwest::Client;
use serde_json::{Value, json};

use crate::operators::asking::{Answer, get, post, retry, send};
use crate::process::{Process, args, eventually};
use crate::recorder::Recorder;
use crate::stack::Stack;
use crate::stack_with_a_recorder;

/// A read model at position 10, and a history up to 20 that is in its queue, closed, and then lost: the log ends at 10 again.
async fn paused_before_what_is_lost() -> (Stack, Process) {
    let (mut stack, process) = stack_with_a_recorder().await;
    stack.append_many(10).await;
    stack.relay(0, 10).await;
    stack.expect_equal_to_log(10).await;
    post(&process, "/pause", json!({})).await.ok();
    for nr in 11..=20 {
        assert_eq!(stack.append("lost").await, nr);
    }
    stack.relay(10, 20).await;
    stack.lose_events_after(10).await;
    (stack, process)
}

async fn read_model_at_20() -> (Stack, Process) {
    let (mut stack, process) = stack_with_a_recorder().await;
    stack.append_many(20).await;
    stack.relay(0, 20).await;
    stack.expect_equal_to_log(20).await;
    (stack, process)
}

/// Writes so many events that the read model does not ask for in the places of lost ones, then one that it does.
async fn append_others(stack: &Stack, unbound: usize) -> i64 {
    for _ in 0..unbound {
        stack.append_unbound().await;
    }
    stack.append("new").await
}

async fn expect_diverged(process: &Process) -> Value {
    let status = process.reach_state("log_diverged").await;
    assert_eq!(
        (&status["lag_events"], &status["lag_seconds"]),
        (&Value::Null, &Value::Null),
        "{status}"
    );
    status
}

#[tokio::test]
async fn a_lost_history_that_waits_in_the_queue_is_not_applied_while_the_log_is_shorter() {
    let (mut stack, process) = paused_before_what_is_lost().await;
    post(&process, "/resume", json!({})).await.ok();
    eventually("the lost events are let go", async || {
        let queue = stack.vhost.queue("recorder.v1").await?;
        (queue.messages_ready == 0 && queue.messages_unacknowledged == 0).then_some(())
    })
    .await;
    assert_eq!(stack.position().await, Some(10));
    let head = append_others(&stack, 3).await;
    stack.relay(10, head).await;
    stack.expect_equal_to_log(head).await;
}

#[tokio::test]
async fn a_lost_history_that_waits_in_the_queue_is_not_applied_when_the_log_has_grown_beyond_it() {
    let (mut stack, process) = paused_before_what_is_lost().await;
    let head = append_others(&stack, 12).await;
    assert_eq!(head, 23);
    post(&process, "/resume", json!({})).await.ok();
    stack.relay(10, head).await;
    stack.expect_equal_to_log(head).await;
}

#[tokio::test]
async fn a_read_model_that_was_ahead_goes_on_with_nothing_that_is_delivered_to_it() {
    let (mut stack, process) = read_model_at_20().await;
    stack.lose_events_after(10).await;
    let head = append_others(&stack, 14).await;
    // Its ranges meet the checkpoint: what comes behind it is complete, and all of it is in the log.
    stack.relay(10, 20).await;
    stack.relay(20, head).await;
    let status = expect_diverged(&process).await;
    assert_eq!((&status["position"], &status["head"]), (&json!(20), &json!(head)));
    assert!(
        !stack.applied().await.contains(&head),
        "an event of another history was applied"
    );
}

#[tokio::test]
async fn a_read_model_that_was_ahead_heals_nothing() {
    let (mut stack, process) = read_model_at_20().await;
    stack.lose_events_after(10).await;
    let head = append_others(&stack, 14).await;
    // The events are lost on their way; the watermark alone makes the consumer read the log.
    stack.close(20, head).await;
    let status = expect_diverged(&process).await;
    assert_eq!(status["position"], 20);
    assert!(!stack.applied().await.contains(&head));
}

#[tokio::test]
async fn what_was_held_for_long_is_looked_for_in_the_log_again() {
    let mut stack = Stack::start().await;
    let recorder = Recorder::default();
    let process = stack.serve(recorder.clone()).await;
    process.reach_state("waiting").await;
    stack.append_many(10).await;
    stack.relay(0, 10).await;
    stack.expect_equal_to_log(10).await;
    recorder.stick(true);
    let lost = stack.append("lost").await;
    stack.relay(10, lost).await;
    process.reach_state("held").await;
    stack.lose_events_after(10).await;
    let head = append_others(&stack, 3).await;
    recorder.stick(false);
    stack.relay(10, head).await;
    stack.expect_equal_to_log(head).await;
}

#[tokio::test]
async fn a_relay_that_is_behind_makes_an_idle_consumer_look() {
    let (mut stack, process) = read_model_at_20().await;
    stack.lose_events_after(10).await;
    stack.close(10, 10).await;
    let told = eventually("the consumer's own word", async || {
        let status = process.status().await?;
        status["last_error"].as_str().map(str::to_owned)
    })
    .await;
    assert!(told.contains("LOG_DIVERGED") && told.contains("position 20"), "{told}");
}

#[tokio::test]
async fn a_paused_read_model_that_was_ahead_is_shown_as_diverged_and_as_paused() {
    let (stack, process) = read_model_at_20().await;
    post(&process, "/pause", json!({})).await.ok();
    stack.lose_events_after(10).await;
    for _ in 0..2 {
        let status = expect_diverged(&process).await;
        assert_eq!(status["paused"]["by"], "ada");
        // The same positions, and beyond.
        append_others(&stack, 14).await;
    }
    post(&process, "/resume", json!({})).await.ok();
    assert_eq!(expect_diverged(&process).await["paused"], Value::Null);
    assert_eq!(stack.position().await, Some(20));
}

#[tokio::test]
async fn a_parked_event_of_a_diverged_read_model_is_not_applied_although_the_log_has_it() {
    let mut stack = Stack::start().await;
    let recorder = Recorder::default();
    let process = stack.serve(recorder.clone()).await;
    process.reach_state("waiting").await;
    for stream in ["rule-1", "rule-1", "m-1", "m-2"] {
        stack.append(stream).await;
    }
    stack.relay(0, 4).await;
    stack.reach(4).await;
    assert_eq!(stack.parked().await, [(2, "rule".to_owned())]);
    recorder.forgive(true);
    stack.lose_events_after(3).await;
    append_others(&stack, 3).await;
    assert_eq!(retry(&process, 2).await.refusal(), (409, "LOG_DIVERGED"));
    assert_eq!(stack.parked().await.len(), 1);
    let shown = get(&process, "").await.ok();
    assert_eq!(
        (&shown["state"], &shown["parked_streams"]),
        (&json!("log_diverged"), &json!(1))
    );
}

async fn read(process: &Process, min_position: Option<i64>) -> Answer {
    let mut asking = Client::new()
        .get(format!("{}/streams/m-1", process.url))
        .header("Prefer", "wait=0");
    if let Some(position) = min_position {
        asking = asking.header("Min-Position", position);
    }
    send(asking).await
}

#[tokio::test]
async fn no_read_that_asks_for_a_position_is_answered_from_a_lost_history_whatever_the_numbers_say() {
    let (mut stack, process) = stack_with_a_recorder().await;
    // It serves the same read model, and never consumes.
    let other = stack.serve(Recorder::default()).await;
    other.reach_state("waiting").await;
    stack.append_many(20).await;
    stack.relay(0, 20).await;
    stack.expect_equal_to_log(20).await;
    for process in [&process, &other] {
        read(process, Some(20)).await.ok();
    }
    post(&process, "/pause", json!({})).await.ok();
    stack.lose_events_after(10).await;
    // Asked at once: nobody has noticed yet. The log is shorter than the read model, then as long, then longer.
    for head in [10, 20, 30] {
        while stack.log.head().await.expect("the head").position.0 < head {
            stack.append("new").await;
        }
        for process in [&process, &other] {
            for position in [0, 5, 10, 15, 20, 21, 30, 31] {
                let refused = read(process, Some(position)).await;
                assert_eq!(
                    refused.refusal(),
                    (503, "LOG_DIVERGED"),
                    "{position} of {head}: {}",
                    refused.body
                );
            }
            read(process, None).await.ok();
        }
    }
}

#[tokio::test]
async fn a_process_that_has_not_found_the_read_model_in_the_log_answers_nobody_who_asks_for_a_position() {
    let (stack, process) = read_model_at_20().await;
    post(&process, "/pause", json!({})).await.ok();
    stack.lose_events_after(10).await;
    assert_eq!(append_others(&stack, 14).await, 25);
    let (way, log_url) = CutProxy::to_url(&stack.log_url()).await.expect("a proxy");
    way.refuse(true);
    let amqp_url = stack.vhost.amqp_url();
    let begun = stack
        .serve_between((&log_url, &amqp_url), Recorder::default(), args())
        .await;
    for position in [0, 10, 20] {
        let refused = read(&begun, Some(position)).await;
        assert_eq!(refused.refusal(), (503, "READ_MODEL_UNAVAILABLE"), "{}", refused.body);
    }
    read(&begun, None).await.ok();
    way.refuse(false);
    eventually("it has looked", async || {
        (read(&begun, Some(20)).await.refusal() == (503, "LOG_DIVERGED")).then_some(())
    })
    .await;
    way.refuse(true);
    way.cut();
    let refused = read(&begun, Some(20)).await;
    assert_eq!(refused.status, 503, "what is known is not forgotten: {}", refused.body);
}

#[tokio::test]
async fn a_read_model_that_was_found_in_the_log_is_read_by_its_numbers_while_the_event_store_is_away() {
    let mut stack = Stack::start().await;
    let (way, log_url) = CutProxy::to_url(&stack.log_url()).await.expect("a proxy");
    let amqp_url = stack.vhost.amqp_url();
    let process = stack
        .serve_between((&log_url, &amqp_url), Recorder::default(), args())
        .await;
    process.reach_state("waiting").await;
    stack.append_many(20).await;
    stack.relay(0, 20).await;
    stack.expect_equal_to_log(20).await;
    read(&process, Some(20)).await.ok();
    way.refuse(true);
    way.cut();
    read(&process, Some(20)).await.ok();
}

#[tokio::test]
async fn a_read_model_that_the_new_log_has_too_is_read_by_its_positions() {
    let (mut stack, process) = stack_with_a_recorder().await;
    stack.append_many(20).await;
    stack.relay(0, 10).await;
    stack.expect_equal_to_log(10).await;
    stack.restore_log(12).await;
    read(&process, Some(10)).await.ok();
    assert_eq!(read(&process, Some(11)).await.refusal(), (503, "READ_MODEL_BEHIND"));
    assert_eq!(read(&process, Some(13)).await.refusal(), (400, "POSITION_BEYOND_HEAD"));
}

#[tokio::test]
async fn the_log_of_a_read_model_is_part_of_its_entity_tags() {
    let (mut stack, process) = stack_with_a_recorder().await;
    let tag = async || {
        let asking = Client::new().get(format!("{}/streams/m-1", process.url));
        let answer = asking.send().await.expect("an answer");
        answer.headers()["etag"].to_str().expect("ASCII").to_owned()
    };
    stack.append("m-1").await;
    stack.relay(0, 1).await;
    stack.reach(1).await;
    let before = tag().await;
    let log_id = stack.log.log_id().await.expect("the log").simple().to_string();
    assert!(before.ends_with(&format!("-{}\"", &log_id[..8])), "{before}");
    // A paused read model takes the new identity too, or its tags would never be good again.
    post(&process, "/pause", json!({})).await.ok();
    stack.restore_log(1).await;
    eventually("a tag of the new log", async || (tag().await != before).then_some(())).await;
}
