//! Where an event comes from is told in its metadata.

use serde_json::json;

use crate::harness::Api;

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn request_id_trace_and_principal_go_into_every_event_of_the_command() {
    let api = Api::start().await;
    let answer = api
        .post("/users/1")
        .header("request-id", "order-66")
        .header("traceparent", TRACEPARENT)
        .json(&json!({ "full_name": "usama" }))
        .accepted()
        .await;
    assert_eq!(answer.header("request-id"), Some("order-66"));
    let events = api.events().await;
    assert_eq!(events.len(), 2);
    for event in &events {
        assert_eq!(event.metadata["correlation_id"], "order-66");
        assert_eq!(event.metadata["traceparent"], TRACEPARENT);
        assert_eq!(event.metadata["principal"], "anonymous");
        assert_eq!(
            event.metadata["causation_id"], events[0].metadata["causation_id"],
            "one command"
        );
    }
    let causation_id = events[0].metadata["causation_id"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(causation_id).unwrap().get_version_num(), 7);
}

#[tokio::test]
async fn a_request_id_that_cannot_be_used_is_replaced_by_the_one_in_the_answer() {
    let api = Api::start().await;
    let request = api
        .post("/users/1")
        .header("request-id", "two words")
        .header("traceparent", "no-trace");
    let answer = request.json(&json!({ "full_name": "usama" })).accepted().await;
    let events = api.events().await;
    assert_eq!(
        events[0].metadata["correlation_id"].as_str(),
        answer.header("request-id")
    );
    assert!(events[0].metadata["traceparent"].as_str().unwrap().starts_with("00-"));
}

#[tokio::test]
async fn an_answer_is_what_stands_in_the_log() {
    let api = Api::start().await;
    let answer = api
        .post("/users/1")
        .json(&json!({ "full_name": "usama" }))
        .accepted()
        .await;
    let events = api.events().await;
    let last = events.last().unwrap();
    assert_eq!((last.sequence, last.position), (answer.sequence(), answer.position()));
    assert_eq!(last.aggregate_id, answer.body["id"].as_str().unwrap());
}
