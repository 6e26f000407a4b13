//! Reading at a position: waiting, refusing, and what the answer promises.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::process::Process;
use crate::recorder::Recorder;
use crate::stack::Stack;

async fn served() -> (Stack, Process) {
    let stack = Stack::start().await;
    let process = stack.serve(Recorder::default()).await;
    process.reach_state("waiting").await;
    (stack, process)
}

fn get(process: &Process, stream: &str, min_position: i64, wait_seconds: u32) -> RequestBuilder {
    reqwest::Client::new()
        .get(format!("{}/streams/{stream}", process.url))
        .header("Min-Position", min_position)
        .header("Prefer", format!("wait={wait_seconds}"))
        .timeout(Duration::from_secs(30))
}

async fn code(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let problem: Value = response.json().await.expect("a problem");
    (status, problem["code"].as_str().expect("a code").to_owned())
}

#[tokio::test]
async fn a_read_waits_for_its_position_and_then_includes_it() {
    let (mut stack, process) = served().await;
    let head = stack.append("m-1").await;
    let waiting = tokio::spawn(get(&process, "m-1", head, 10).send());
    stack.relay(0, head).await;
    let response = waiting.await.expect("no panic").expect("an answer");
    assert_eq!(response.headers()["read-position"], "1");
    assert_eq!(response.json::<Vec<i64>>().await.expect("positions"), [1]);
}

#[tokio::test]
async fn a_read_through_a_process_that_is_not_the_active_consumer_waits_too() {
    let (mut stack, active) = served().await;
    let head = stack.append("m-1").await;
    stack.relay(0, head).await;
    active.reach_state("consuming").await;
    let passive = stack.serve(Recorder::default()).await;
    passive.reach_state("waiting").await;
    let later = stack.append("m-1").await;
    let waiting = tokio::spawn(get(&passive, "m-1", later, 10).send());
    stack.relay(head, later).await;
    let response = waiting.await.expect("no panic").expect("an answer");
    assert_eq!(response.json::<Vec<i64>>().await.expect("positions"), [1, 2]);
}

#[tokio::test]
async fn a_position_that_is_not_reached_in_time_is_behind() {
    let (stack, process) = served().await;
    let head = stack.append("m-1").await;
    let response = get(&process, "m-1", head, 0).send().await.expect("an answer");
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(
        code(response).await,
        (StatusCode::SERVICE_UNAVAILABLE, "READ_MODEL_BEHIND".into())
    );
}

#[tokio::test]
async fn a_position_beyond_the_head_of_the_log_is_refused_at_once() {
    let (stack, process) = served().await;
    let head = stack.append("m-1").await;
    let response = get(&process, "m-1", head + 1, 10).send().await.expect("an answer");
    assert_eq!(
        code(response).await,
        (StatusCode::BAD_REQUEST, "POSITION_BEYOND_HEAD".into())
    );
}

#[tokio::test]
async fn a_read_at_a_parked_event_is_refused_at_once_and_no_other() {
    let (mut stack, process) = served().await;
    for id in ["rule-1", "rule-1", "m-1"] {
        stack.append(id).await;
    }
    stack.relay(0, 3).await;
    stack.reach(3).await;
    stack.append("rule-1").await;
    for min_position in [2, 3, 4] {
        let response = get(&process, "rule-1", min_position, 10)
            .send()
            .await
            .expect("an answer");
        assert_eq!(
            code(response).await,
            (StatusCode::SERVICE_UNAVAILABLE, "READ_MODEL_PARKED".into())
        );
    }
    for (stream, min_position, positions) in [("rule-1", 1, vec![1]), ("m-1", 3, vec![3])] {
        let response = get(&process, stream, min_position, 10).send().await.expect("an answer");
        assert_eq!(response.json::<Vec<i64>>().await.expect("positions"), positions);
    }
}

#[tokio::test]
async fn an_unchanged_answer_is_304_with_its_position() {
    let (mut stack, process) = served().await;
    stack.append("m-1").await;
    stack.relay(0, 1).await;
    let first = get(&process, "m-1", 1, 10).send().await.expect("an answer");
    let etag = first.headers()["etag"].clone();
    stack.append("m-2").await;
    stack.relay(1, 2).await;
    let again = get(&process, "m-1", 2, 10)
        .header("If-None-Match", &etag)
        .send()
        .await
        .expect("an answer");
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(again.headers()["read-position"], "2");
    stack.append("m-1").await;
    stack.relay(2, 3).await;
    let changed = get(&process, "m-1", 3, 10)
        .header("If-None-Match", &etag)
        .send()
        .await
        .expect("an answer");
    assert_eq!(changed.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_read_model_that_was_never_made_is_unavailable() {
    let stack = Stack::start().await;
    stack.change_model("ALTER TABLE projection RENAME TO elsewhere").await;
    let process = stack.serve(Recorder::default()).await;
    let response = get(&process, "m-1", 0, 0).send().await.expect("an answer");
    assert_eq!(
        code(response).await,
        (StatusCode::SERVICE_UNAVAILABLE, "READ_MODEL_UNAVAILABLE".into())
    );
}

#[tokio::test]
async fn a_projection_shows_its_lag() {
    let (mut stack, process) = served().await;
    stack.append_many(3).await;
    stack.relay(0, 3).await;
    stack.reach(3).await;
    stack.append_many(2).await;
    let status = process.reach_state("consuming").await;
    let shown = ["name", "position", "head", "lag_events", "generation"].map(|field| status[field].clone());
    assert_eq!(shown, [Value::from("recorder"), 3.into(), 5.into(), 2.into(), 1.into()]);
    let list: Value = reqwest::get(format!("{}/projections", process.url))
        .await
        .expect("a list")
        .json()
        .await
        .expect("JSON");
    assert_eq!(list["items"][0]["name"], "recorder");
    let unknown = reqwest::get(format!("{}/projections/unknown", process.url))
        .await
        .expect("an answer");
    assert_eq!(
        code(unknown).await,
        (StatusCode::NOT_FOUND, "PROJECTION_NOT_FOUND".into())
    );
}

#[tokio::test]
async fn readers_do_not_notice_that_the_database_ended_its_idle_connections() {
    let (mut stack, process) = served().await;
    stack.append("m-1").await;
    stack.relay(0, 1).await;
    let read = || async { get(&process, "m-1", 1, 10).send().await.expect("an answer").status() };
    let together = futures::future::join_all((0..8).map(|_| read())).await;
    assert_eq!(together, [StatusCode::OK; 8]);
    stack.database.terminate_connections().await;
    assert_eq!(read().await, StatusCode::OK);
}
