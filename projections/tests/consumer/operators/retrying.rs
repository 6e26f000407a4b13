//! A parked stream: seen, and applied again.

use domain::Position;
use serde_json::json;

use crate::operators::asking::{append_damaged, applied_of, get, parked_streams, relay, retry, served};
use crate::recorder::{FUTURE_VERSION, Recorder};

const PAYLOAD: &str = r#"{"premiere_date": "2026-05-01"}"#;

#[tokio::test]
async fn after_a_fix_the_event_and_those_behind_it_are_applied_in_order() {
    let (mut stack, process, recorder) = served().await;
    relay(&mut stack, &["rule-1", "rule-1", "m-1", "rule-1", "rule-1"]).await;
    let listed = get(&process, "/parked").await.ok();
    let first = &listed["items"][0];
    assert_eq!(
        (&first["position"], &first["reason"], &first["behind"]),
        (&json!(2), &json!("rule"), &json!(2))
    );
    assert_eq!(
        (&first["aggregate_type"], &first["aggregate_id"]),
        (&json!("movie"), &json!("rule-1"))
    );
    let shown = get(&process, "/parked/2").await.ok();
    assert_eq!(shown["detail"], "there is no second event");
    assert_eq!(shown["later"][1]["position"], 5);
    assert_eq!(shown["later"][1]["reason"], "behind_parked");

    recorder.forgive(true);
    let outcome = retry(&process, 2).await.ok();
    assert_eq!(
        outcome,
        json!({"applied": 3, "discarded": 0, "still_parked": 0, "reason": null, "detail": null})
    );
    assert_eq!(applied_of(&stack, "rule-1").await, [1, 2, 4, 5]);
    assert_eq!(parked_streams(&stack).await, 0);
    assert_eq!(stack.position().await, Some(5), "the checkpoint stays");
    assert_eq!(get(&process, "/parked").await.ok()["items"], json!([]));
    relay(&mut stack, &["rule-1"]).await;
    assert_eq!(applied_of(&stack, "rule-1").await, [1, 2, 4, 5, 6]);
    let action = &get(&process, "/actions").await.ok()["items"][0];
    assert_eq!(
        (&action["action"], &action["who"], &action["subject"]),
        (&json!("retry"), &json!("ada"), &json!("movie/rule-1 at position 2"))
    );
}

#[tokio::test]
async fn what_fails_again_stays_with_its_new_reason_and_the_rest_behind_it() {
    let (mut stack, process, recorder) = served().await;
    relay(&mut stack, &["rule-1", "rule-1"]).await;
    append_damaged(&stack, "rule-1").await;
    stack.relay(2, 3).await;
    relay(&mut stack, &["rule-1"]).await;
    let outcome = retry(&process, 2).await.ok();
    assert_eq!(
        (&outcome["applied"], &outcome["still_parked"], &outcome["reason"]),
        (&json!(0), &json!(3), &json!("rule"))
    );
    recorder.forgive(true);
    let outcome = retry(&process, 2).await.ok();
    assert_eq!(
        (&outcome["applied"], &outcome["still_parked"], &outcome["reason"]),
        (&json!(1), &json!(2), &json!("malformed"))
    );
    let parked = [(3, "malformed".to_owned()), (4, "behind_parked".to_owned())];
    assert_eq!(stack.parked().await, parked);
    assert_eq!(parked_streams(&stack).await, 1);
    assert_eq!(retry(&process, 2).await.refusal(), (404, "NOT_PARKED"));
}

#[tokio::test]
async fn a_constraint_that_is_checked_at_commit_is_a_reason_too() {
    let (mut stack, process, _recorder) = served().await;
    relay(&mut stack, &["deferred-1", "deferred-1", "deferred-1"]).await;
    let outcome = retry(&process, 2).await.ok();
    assert_eq!(
        (&outcome["still_parked"], &outcome["reason"]),
        (&json!(2), &json!("data"))
    );
    assert_eq!(applied_of(&stack, "deferred-1").await, [1]);
}

#[tokio::test]
async fn an_event_that_only_newer_code_knows_is_left_alone() {
    let (mut stack, process, recorder) = served().await;
    recorder.learn();
    relay(&mut stack, &["rule-1"]).await;
    stack
        .append_as("movie", "rule-1", "movie.premiere.rescheduled", FUTURE_VERSION, PAYLOAD)
        .await;
    stack.relay(1, 2).await;
    stack.reach(2).await;
    assert_eq!(stack.parked().await.len(), 1);
    process.stop().await;
    let older = stack.serve(Recorder::default()).await;
    assert_eq!(retry(&older, 2).await.refusal(), (409, "EVENT_UNKNOWN"));
    assert_eq!(stack.parked().await, [(2, "rule".to_owned())]);
    assert_eq!(
        get(&older, "/actions").await.ok()["items"],
        json!([]),
        "nothing was done"
    );
}

#[tokio::test]
async fn nothing_is_applied_from_another_log_than_the_checkpoints() {
    let (mut stack, process, recorder) = served().await;
    relay(&mut stack, &["rule-1", "rule-1"]).await;
    recorder.forgive(true);
    stack.change_log("UPDATE log SET log_id = gen_random_uuid()").await;
    assert_eq!(retry(&process, 2).await.refusal(), (409, "LOG_DIVERGED"));
    stack
        .change_log("ALTER TABLE events DISABLE TRIGGER ALL; DELETE FROM events WHERE position = 2")
        .await;
    assert_eq!(retry(&process, 2).await.refusal(), (409, "LOG_DIVERGED"));
    assert_eq!(stack.parked().await.len(), 1);
}

#[tokio::test]
async fn only_what_is_parked_in_the_live_generation_can_be_retried() {
    let (mut stack, process, recorder) = served().await;
    relay(&mut stack, &["rule-1", "rule-1"]).await;
    recorder.forgive(true);
    stack
        .change_model(
            "CREATE SCHEMA recorder_g2 AUTHORIZATION marquee_catalog; \
             CREATE TABLE recorder_g2.parked_events (LIKE recorder_g1.parked_events INCLUDING ALL); \
             ALTER TABLE recorder_g2.parked_events OWNER TO marquee_catalog; \
             UPDATE projection SET last_generation = 2, generation = 2",
        )
        .await;
    assert_eq!(retry(&process, 2).await.refusal(), (404, "NOT_PARKED"));
    assert_eq!(stack.parked().await.len(), 1, "the other generation's stay");
}

#[tokio::test]
async fn many_parked_streams_come_in_pages() {
    let (mut stack, process, _recorder) = served().await;
    relay(
        &mut stack,
        &["rule-1", "rule-1", "data-2", "data-2", "check-3", "check-3", "check-3"],
    )
    .await;
    let page = get(&process, "/parked?limit=2").await.ok();
    let positions = |page: &serde_json::Value| -> Vec<i64> {
        let items = page["items"].as_array().expect("items");
        items.iter().filter_map(|item| item["position"].as_i64()).collect()
    };
    assert_eq!(positions(&page), [2, 4]);
    let cursor = page["next_cursor"].as_str().expect("a next page");
    let last = get(&process, &format!("/parked?limit=2&cursor={cursor}")).await.ok();
    assert_eq!((positions(&last), &last["next_cursor"]), (vec![6], &json!(null)));
    assert_eq!(
        get(&process, &format!("/actions?cursor={cursor}")).await.refusal(),
        (400, "INVALID_CURSOR")
    );
}

#[tokio::test]
async fn a_long_stream_is_retried_in_several_transactions() {
    let (mut stack, process, recorder) = served().await;
    relay(&mut stack, &["rule-1", "rule-1"]).await;
    stack
        .change_log(
            "ALTER TABLE events DISABLE TRIGGER ALL; \
             INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_id, event_type, event_version, \
             payload, metadata) SELECT position + nr, aggregate_type, aggregate_id, sequence + nr, gen_random_uuid(), \
             event_type, event_version, payload, metadata FROM events, generate_series(1, 1300) nr WHERE position = 2; \
             ALTER TABLE events ENABLE TRIGGER ALL",
        )
        .await;
    stack.publish_range(2, 1302).await;
    stack.close(2, 1302).await;
    stack.reach(1302).await;
    recorder.forgive(true);
    let outcome = retry(&process, 2).await.ok();
    assert_eq!(
        (&outcome["applied"], &outcome["still_parked"]),
        (&json!(1301), &json!(0))
    );
    assert_eq!(applied_of(&stack, "rule-1").await, (1..=1302).collect::<Vec<_>>());
    assert_eq!(parked_streams(&stack).await, 0);
    assert_eq!(stack.log.head().await.expect("the log's head").position, Position(1302));
}
