//! Events that an operator passes over.

use projections::Users;
use serde_json::json;

use crate::operators::asking::{append_damaged, applied_of, discard, get, parked_streams, relay, send, served};
use crate::process::eventually;
use crate::stack::Stack;

#[tokio::test]
async fn a_discarded_event_is_passed_over_and_those_behind_it_are_applied() {
    let (mut stack, process, _recorder) = served().await;
    relay(&mut stack, &["rule-1", "rule-1", "m-1", "rule-1"]).await;
    let outcome = discard(&process, 2, json!({"reason": "written by a test"})).await.ok();
    assert_eq!(
        outcome,
        json!({"applied": 1, "discarded": 1, "still_parked": 0, "reason": null, "detail": null})
    );
    assert_eq!(applied_of(&stack, "rule-1").await, [1, 4]);
    assert_eq!(parked_streams(&stack).await, 0);
    let discarded = stack
        .column(
            "SELECT position FROM discarded_event WHERE discarded_by = 'ada' AND reason = 'written by a test' \
             AND projection = 'recorder' AND aggregate_id = 'rule-1' AND sequence = 2",
        )
        .await;
    assert_eq!(discarded, [2]);
    let action = &get(&process, "/actions").await.ok()["items"][0];
    assert_eq!(
        (&action["action"], &action["who"], &action["why"], &action["subject"]),
        (
            &json!("discard"),
            &json!("ada"),
            &json!("written by a test"),
            &json!("movie/rule-1 at position 2")
        )
    );
}

#[tokio::test]
async fn the_first_event_of_a_stream_can_be_discarded() {
    let (mut stack, process, _recorder) = served().await;
    append_damaged(&stack, "m-1").await;
    stack.relay(0, 1).await;
    relay(&mut stack, &["m-1", "m-1"]).await;
    let outcome = discard(&process, 1, json!({"reason": "damaged"})).await.ok();
    assert_eq!((&outcome["applied"], &outcome["discarded"]), (&json!(2), &json!(1)));
    assert_eq!(applied_of(&stack, "m-1").await, [2, 3]);
}

#[tokio::test]
async fn a_second_damaged_event_stays_and_can_be_discarded_in_its_turn() {
    let (mut stack, process, _recorder) = served().await;
    append_damaged(&stack, "m-1").await;
    append_damaged(&stack, "m-1").await;
    stack.relay(0, 2).await;
    relay(&mut stack, &["m-1"]).await;
    assert_eq!(
        discard(&process, 2, json!({"reason": "x"})).await.refusal(),
        (409, "NOT_FIRST")
    );
    let outcome = discard(&process, 1, json!({"reason": "x"})).await.ok();
    assert_eq!(
        (&outcome["discarded"], &outcome["still_parked"], &outcome["reason"]),
        (&json!(1), &json!(2), &json!("malformed"))
    );
    let outcome = discard(&process, 2, json!({"reason": "x"})).await.ok();
    assert_eq!((&outcome["applied"], &outcome["still_parked"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn all_parked_events_of_a_stream_can_be_discarded() {
    let (mut stack, process, _recorder) = served().await;
    relay(&mut stack, &["rule-1", "rule-1", "rule-1", "rule-2", "rule-2"]).await;
    let outcome = discard(&process, 2, json!({"reason": "a test", "all": true}))
        .await
        .ok();
    assert_eq!(
        (&outcome["applied"], &outcome["discarded"], &outcome["still_parked"]),
        (&json!(0), &json!(2), &json!(0))
    );
    assert_eq!(applied_of(&stack, "rule-1").await, [1]);
    assert_eq!(parked_streams(&stack).await, 1, "the other stream's");
    relay(&mut stack, &["rule-1"]).await;
    assert_eq!(
        applied_of(&stack, "rule-1").await,
        [1, 6],
        "what comes later is applied"
    );
}

/// A real read model refuses whatever does not follow in its stream.
#[tokio::test]
async fn rows_go_on_behind_a_discarded_event() {
    let mut stack = Stack::start().await;
    let process = stack.serve(Users).await;
    let created = r#"{"full_name": "Ada"}"#;
    let renamed = r#"{"full_name": "Grace"}"#;
    stack.append_as("user", "u-1", "user.created", "1", created).await;
    let torn = stack
        .append_as("user", "u-1", "user.profile.updated", "1", r#"{"full_name": 7}"#)
        .await;
    let head = stack
        .append_as("user", "u-1", "user.profile.updated", "1", renamed)
        .await;
    stack.relay(0, head).await;
    stack.reach(head).await;
    let client = reqwest::Client::new();
    let url = format!("{}/projections/users/parked/{torn}/discard", process.url);
    let outcome = send(client.post(url).json(&json!({"reason": "torn"}))).await.ok();
    assert_eq!((&outcome["applied"], &outcome["discarded"]), (&json!(1), &json!(1)));
    let user = eventually("the user", async || {
        let answer = send(client.get(format!("{}/users/u-1", process.url))).await;
        (answer.status == 200).then_some(answer.body)
    })
    .await;
    assert_eq!((&user["full_name"], &user["sequence"]), (&json!("Grace"), &json!(3)));
}
