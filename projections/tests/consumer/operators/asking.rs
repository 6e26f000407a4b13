//! Asking as an operator does.

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::process::Process;
use crate::recorder::Recorder;
use crate::stack::Stack;

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of an answer that is not a refusal.
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// Status and code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }
}

/// Asks for something of the recorder.
pub(crate) async fn get(process: &Process, path: &str) -> Answer {
    send(Client::new().get(format!("{}/projections/recorder{path}", process.url))).await
}

/// Acts on the recorder as `ada`.
pub(crate) async fn post(process: &Process, path: &str, body: Value) -> Answer {
    let url = format!("{}/projections/recorder{path}", process.url);
    send(Client::new().post(url).header("Marquee-Operator", "ada").json(&body)).await
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let body = response.bytes().await.expect("a body");
    Answer {
        status,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    }
}

pub(crate) async fn retry(process: &Process, position: i64) -> Answer {
    post(process, &format!("/parked/{position}/retry"), json!({})).await
}

pub(crate) async fn discard(process: &Process, position: i64, body: Value) -> Answer {
    post(process, &format!("/parked/{position}/discard"), body).await
}

/// A served recorder, which can be told to forgive.
pub(crate) async fn served() -> (Stack, Process, Recorder) {
    let stack = Stack::start().await;
    let recorder = Recorder::default();
    let process = stack.serve(recorder.clone()).await;
    process.reach_state("waiting").await;
    (stack, process, recorder)
}

/// Appends an event per stream and waits until they are applied or parked.
pub(crate) async fn relay(stack: &mut Stack, streams: &[&str]) {
    let from = stack.log.head().await.expect("the log's head").position.0;
    let mut to = from;
    for stream in streams {
        to = stack.append(stream).await;
    }
    stack.relay(from, to).await;
    stack.reach(to).await;
}

/// Appends an event that no code can read.
pub(crate) async fn append_damaged(stack: &Stack, stream: &str) -> i64 {
    let payload = r#"{"premiere_date": 7}"#;
    stack
        .append_as("movie", stream, "movie.premiere.rescheduled", "1", payload)
        .await
}

/// The positions of a stream that are applied, in the order in which they were.
pub(crate) async fn applied_of(stack: &Stack, stream: &str) -> Vec<i64> {
    let select = format!("SELECT position FROM recorder_g1.applied WHERE stream = '{stream}' ORDER BY nr");
    stack.column(&select).await
}

pub(crate) async fn parked_streams(stack: &Stack) -> i64 {
    stack.column("SELECT parked_streams FROM projection").await[0]
}
