//! A paused projection applies nothing, in whatever process, and goes on where it was.

use dev_stack::CutProxy;
use reqwest::Client;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::operators::asking::{get, post, relay, send, served};
use crate::process::{Process, args, eventually};
use crate::recorder::{FUTURE_VERSION, Recorder};
use crate::stack::Stack;

const QUEUE: &str = "recorder.v1";

/// Waits until so many messages, watermarks among them, wait in a queue that nobody consumes.
async fn expect_waiting(stack: &Stack, messages: u64) {
    eventually("messages that nobody consumes", async || {
        let queue = stack.vhost.queue(QUEUE).await?;
        (queue.messages_ready == messages && queue.consumers == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_paused_projection_leaves_its_queue_and_goes_on_when_resumed() {
    let (mut stack, process, _recorder) = served().await;
    relay(&mut stack, &["m-1", "m-2"]).await;
    let paused = post(&process, "/pause", json!({"reason": "a look at the rows"}))
        .await
        .ok();
    assert_eq!(paused["state"], "paused");
    assert_eq!(
        (&paused["paused"]["by"], &paused["paused"]["reason"]),
        (&json!("ada"), &json!("a look at the rows"))
    );
    let head = stack.append_many(10).await;
    stack.relay(2, head).await;
    expect_waiting(&stack, 9).await;
    assert_eq!(stack.position().await, Some(2));
    let read = Client::new()
        .get(format!("{}/streams/m-1", process.url))
        .header("Min-Position", head)
        .header("Prefer", "wait=0");
    assert_eq!(send(read).await.refusal(), (503, "READ_MODEL_BEHIND"));
    let read = send(Client::new().get(format!("{}/streams/m-1", process.url))).await;
    assert_eq!(read.ok(), json!([1]), "queries go on");

    let resumed = post(&process, "/resume", json!({})).await.ok();
    assert_eq!(resumed["paused"], json!(null));
    stack.expect_equal_to_log(head).await;
    let actions = get(&process, "/actions").await.ok();
    assert_eq!(
        (&actions["items"][0]["action"], &actions["items"][1]["action"]),
        (&json!("resume"), &json!("pause")),
        "newest first"
    );
    assert_eq!(actions["items"][1]["why"], "a look at the rows");
    assert_eq!(get(&process, "").await.ok()["last_error"], json!(null), "no alarm");
}

#[tokio::test]
async fn a_pause_holds_in_every_process_and_after_a_restart() {
    let (mut stack, first, _recorder) = served().await;
    let second = stack.serve(Recorder::default()).await;
    second.reach_state("waiting").await;
    relay(&mut stack, &["m-1"]).await;
    post(&first, "/pause", json!({})).await.ok();
    second.reach_state("paused").await;
    let head = stack.append_many(5).await;
    stack.relay(1, head).await;
    expect_waiting(&stack, 5).await;
    first.stop().await;
    second.stop().await;
    let third = stack.serve(Recorder::default()).await;
    let status = third.reach_state("paused").await;
    assert_eq!(
        (&status["position"], &status["paused"]["by"]),
        (&json!(1), &json!("ada"))
    );
    assert_eq!(stack.position().await, Some(1));
    let resume = Client::new().post(format!("{}/projections/recorder/resume", third.url));
    send(resume).await.ok();
    stack.expect_equal_to_log(head).await;
}

/// Asks each process how the projection is, and expects one of the states.
async fn expect_states(processes: [&Process; 2], states: &[&str]) {
    for process in processes {
        let status = get(process, "").await.ok();
        let state = status["state"].as_str().unwrap_or_default();
        assert!(states.contains(&state), "{state}");
    }
}

#[tokio::test]
async fn a_pause_and_a_resume_are_answered_when_every_process_has_taken_them_whichever_is_asked() {
    let (mut stack, holder, _recorder) = served().await;
    relay(&mut stack, &["m-1"]).await;
    let standby = stack.serve(Recorder::default()).await;
    standby.reach_state("waiting").await;
    let mut head = 1;
    for asked in [&holder, &standby, &standby, &holder] {
        let paused = post(asked, "/pause", json!({})).await.ok();
        assert_eq!((&paused["state"], &paused["pending"]), (&json!("paused"), &json!(null)));
        assert_eq!(stack.depth().await.consumers, 0, "nobody has the queue");
        expect_states([&holder, &standby], &["paused"]).await;

        let resumed = post(asked, "/resume", json!({})).await.ok();
        assert_ne!(resumed["state"], "paused");
        assert_eq!((&resumed["paused"], &resumed["pending"]), (&json!(null), &json!(null)));
        assert_eq!(stack.depth().await.consumers, 1, "somebody has the queue");
        expect_states([&holder, &standby], &["waiting", "consuming", "healing"]).await;
        let next = stack.append("m-1").await;
        stack.relay(head, next).await;
        stack.expect_equal_to_log(next).await;
        head = next;
    }
}

#[tokio::test]
async fn an_answer_that_cannot_wait_until_a_consumer_has_left_says_so() {
    let (stack, process, _recorder) = served().await;
    // As a consumer of another process, which hangs.
    let mut other = PgConnection::connect(&stack.database.url()).await.expect("a session");
    for (class, path, is_paused) in [(0x6d71_776b, "/pause", true), (0x6d71_7273, "/resume", false)] {
        sqlx::query("SELECT pg_advisory_lock_shared($1, hashtext('recorder'))")
            .bind(class)
            .execute(&mut other)
            .await
            .expect("a lock");
        let url = format!("{}/projections/recorder{path}", process.url);
        let answer = send(Client::new().post(&url).header("Prefer", "wait=1")).await;
        assert_eq!(
            (answer.status, answer.body["state"] == "paused"),
            (202, is_paused),
            "{}",
            answer.body
        );
        // One, and the one of this process where it takes longer than a second.
        assert!(
            answer.body["pending"]["consumers"]
                .as_i64()
                .is_some_and(|consumers| consumers > 0)
        );
        assert!(
            answer.body["pending"]["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains("repeat the request"))
        );
        sqlx::query("SELECT pg_advisory_unlock_all()")
            .execute(&mut other)
            .await
            .expect("unlocked");
        let again = send(Client::new().post(&url)).await;
        assert_eq!((again.status, &again.body["pending"]), (200, &json!(null)));
    }
    let actions = get(&process, "/actions").await.ok();
    assert_eq!(
        actions["items"].as_array().map(Vec::len),
        Some(2),
        "to wait again is no action"
    );
}

#[tokio::test]
async fn one_that_cannot_reach_the_broker_is_resumed_all_the_same() {
    let stack = Stack::start().await;
    let (way, url) = CutProxy::to_url(&stack.vhost.amqp_url()).await.expect("a proxy");
    let process = stack.serve_through(&url, Recorder::default(), args()).await;
    process.reach_state("waiting").await;
    post(&process, "/pause", json!({})).await.ok();
    way.refuse(true);
    let resumed = post(&process, "/resume", json!({})).await.ok();
    assert_eq!(
        (&resumed["state"], &resumed["pending"]),
        (&json!("connecting"), &json!(null))
    );
    let paused = post(&process, "/pause", json!({})).await.ok();
    assert_eq!((&paused["state"], &paused["pending"]), (&json!("paused"), &json!(null)));
}

#[tokio::test]
async fn one_that_is_held_can_be_paused_too() {
    let (mut stack, process, recorder) = served().await;
    let payload = r#"{"premiere_date": "2026-05-01"}"#;
    stack
        .append_as("movie", "m-1", "movie.premiere.rescheduled", FUTURE_VERSION, payload)
        .await;
    stack.relay(0, 1).await;
    process.reach_state("held").await;
    post(&process, "/pause", json!({})).await.ok();
    expect_waiting(&stack, 2).await;
    recorder.learn();
    post(&process, "/resume", json!({})).await.ok();
    stack.expect_equal_to_log(1).await;
}

#[tokio::test]
async fn pausing_twice_keeps_the_first_reason() {
    let (_stack, process, _recorder) = served().await;
    post(&process, "/pause", json!({"reason": "first"})).await.ok();
    let again = post(&process, "/pause", json!({"reason": "second"})).await.ok();
    assert_eq!(again["paused"]["reason"], "first");
    post(&process, "/resume", json!({})).await.ok();
    post(&process, "/resume", json!({})).await.ok();
    let actions = get(&process, "/actions").await.ok();
    assert_eq!(
        actions["items"].as_array().map(Vec::len),
        Some(2),
        "what changed nothing is not recorded"
    );
}

#[tokio::test]
async fn a_paused_projections_parked_streams_can_be_retried() {
    let (mut stack, process, recorder) = served().await;
    relay(&mut stack, &["rule-1", "rule-1"]).await;
    post(&process, "/pause", json!({})).await.ok();
    recorder.forgive(true);
    let outcome = post(&process, "/parked/2/retry", json!({})).await.ok();
    assert_eq!(outcome["applied"], 1);
    assert_eq!(get(&process, "").await.ok()["state"], "paused");
}
