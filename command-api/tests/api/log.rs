//! Where the log ends, over HTTP.

use serde_json::{Value, json};

use crate::harness::Api;

#[tokio::test]
async fn the_log_is_told_with_its_identity_and_its_end() {
    let api = Api::start().await;
    let empty = api.client.request("GET", "/event-store").send().await;
    assert_eq!(empty.status, 200, "{empty:?}");
    assert_eq!(
        (&empty.body["head"], &empty.body["recorded_at"]),
        (&json!(0), &Value::Null)
    );

    api.post("/users").json(&json!({"full_name": "usama"})).accepted().await;
    let last = api.post("/users").json(&json!({"full_name": "ada"})).accepted().await;
    let told = api.client.request("GET", "/event-store").send().await;
    assert_eq!(told.body["head"], last.position());
    assert_eq!(told.body["log_id"], empty.body["log_id"]);
    assert!(told.body["recorded_at"].is_string(), "{told:?}");
}
