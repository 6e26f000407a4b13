//! A rebuild from its start to its switch.

use reqwest::header::LOCATION;
use serde_json::json;

use crate::process::args;
use crate::shelf::Shelf;
use crate::stack::Stack;

#[tokio::test]
async fn a_rebuild_makes_another_generation_and_keeps_the_old_one() {
    let mut stack = Stack::start().await;
    let process = stack.serve(Shelf::of_version(1)).await;
    process.reach_state("waiting").await;
    let head = stack.append_many(50).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    assert_eq!(process.operation().await, None, "there was none yet");
    let operation = process.rebuilt().await;
    assert_eq!(
        (
            &operation["generation"],
            &operation["from_generation"],
            &operation["requested_by"]
        ),
        (&json!(2), &json!(1), &json!("ada"))
    );
    let verification = &operation["verification"];
    assert_eq!(
        (
            &verification["position"],
            &verification["compared_with"],
            &verification["differences_total"]
        ),
        (&json!(head), &json!(1), &json!(0))
    );
    assert_eq!(verification["streams_checked"], 7);
    stack.expect_only(2, Some(1)).await;
    stack.expect_shelf(head).await;
    let later = stack.append_many(20).await;
    stack.relay(head, later).await;
    stack.expect_shelf(later).await;
    assert_eq!(
        process.healed_ranges().await,
        0,
        "the consumer went on without noticing"
    );
    process.rebuilt().await;
    stack.expect_only(3, Some(2)).await;
    stack.expect_shelf(later).await;
}

#[tokio::test]
async fn a_second_one_is_refused_and_told_where_the_first_is() {
    let mut stack = Stack::start().await;
    let process = stack.serve(Shelf::of_version(1)).await;
    let other = stack.serve(Shelf::of_version(1)).await;
    let head = stack.append_many(50).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    assert_eq!(process.rebuild(json!({"throttle": 1})).await.status(), 202);
    for refusing in [&process, &other] {
        for response in [refusing.rebuild(json!({})).await, refusing.rollback().await] {
            assert_eq!(response.status(), 409);
            assert_eq!(response.headers()[LOCATION], "/projections/recorder/rebuild");
            let problem: serde_json::Value = response.json().await.expect("a problem");
            assert_eq!(problem["code"], "REBUILD_RUNNING");
        }
    }
    let seen = other.operation().await.expect("it is seen from everywhere");
    assert_eq!((&seen["state"], &seen["throttle"]), (&json!("running"), &json!(1)));
    assert_eq!(
        other.cancel().await.status(),
        202,
        "and can be called off from everywhere"
    );
    assert_eq!(process.ended().await["state"], "cancelled");
    stack.expect_only(1, None).await;
    let response = process.cancel().await;
    assert_eq!(response.status(), 409);
    process.rebuilt().await;
}

#[tokio::test]
async fn a_process_that_does_not_consume_can_rebuild_under_the_one_that_does() {
    let mut stack = Stack::start().await;
    let consuming = stack.serve(Shelf::of_version(1)).await;
    consuming.reach_state("waiting").await;
    let head = stack.append_many(50).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    let other = stack.serve(Shelf::of_version(1)).await;
    other.reach_state("waiting").await;
    other.rebuilt().await;
    let later = stack.append_many(50).await;
    stack.relay(head, later).await;
    stack.expect_shelf(later).await;
    stack.expect_only(2, Some(1)).await;
    assert_eq!(consuming.status().await.expect("a status")["state"], "consuming");
    assert_eq!(consuming.healed_ranges().await, 0);
}

#[tokio::test]
async fn a_dry_run_lists_what_was_tampered_with_and_changes_nothing() {
    let mut stack = Stack::start().await;
    let process = stack.serve(Shelf::of_version(1)).await;
    let head = stack.append_many(50).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    process.rebuilt().await;
    stack
        .change_model(
            "UPDATE recorder_g2.movies SET premiere = 'never' WHERE id = 'm-3'; \
             DELETE FROM recorder_g2.movies WHERE id = 'm-5'; \
             INSERT INTO recorder_g2.movies VALUES ('m-x', 'once', 1)",
        )
        .await;
    assert_eq!(process.rebuild(json!({"dry_run": true})).await.status(), 202);
    let operation = process.ended().await;
    assert_eq!(operation["state"], "succeeded", "{operation}");
    let verification = &operation["verification"];
    assert_eq!(verification["differences_total"], 3);
    assert_eq!(
        verification["differences"],
        json!([
            {"table": "movies", "key": "m-3", "column": "premiere", "old": "never", "new": "2026-05-01"},
            {"table": "movies", "key": "m-5", "column": "*", "old": null, "new": "(m-5,2026-05-01,6)"},
            {"table": "movies", "key": "m-x", "column": "*", "old": "(m-x,once,1)", "new": null},
        ])
    );
    stack.expect_only(2, Some(1)).await;
    let tampered = stack
        .column("SELECT count(*) FROM recorder_g2.movies WHERE premiere = 'never'")
        .await;
    assert_eq!(tampered, [1]);
    process.rebuilt().await;
    stack.expect_shelf(head).await;
}

#[tokio::test]
async fn a_read_model_of_a_log_that_went_back_is_healed_by_a_rebuild() {
    let mut stack = Stack::start().await;
    let process = stack.serve(Shelf::of_version(1)).await;
    let head = stack.append_many(50).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    stack.restore_log(20).await;
    let new_head = stack.append_many(10).await;
    stack.relay(20, new_head).await;
    process.reach_state("log_diverged").await;
    let operation = process.rebuilt().await;
    assert_eq!(
        operation["verification"]["not_compared_because"],
        "the live generation was made from another log"
    );
    stack.expect_shelf(new_head).await;
    let later = stack.append_many(10).await;
    stack.relay(new_head, later).await;
    stack.expect_shelf(later).await;
}

#[tokio::test]
async fn a_throttled_rebuild_says_so_and_is_called_off_promptly() {
    let mut stack = Stack::start().await;
    let process = stack.serve_with(Shelf::of_version(1), args()).await;
    let head = stack.append_many(100).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    let response = process.rebuild(json!({"throttle": 2, "reason": "slowly"})).await;
    assert_eq!(response.headers()[LOCATION], "/projections/recorder/rebuild");
    let operation: serde_json::Value = response.json().await.expect("the operation");
    assert_eq!(
        (&operation["throttle"], &operation["reason"], &operation["kind"]),
        (&json!(2), &json!("slowly"), &json!("rebuild"))
    );
    process.reach_phase("loading").await;
    process.cancel().await;
    let operation = process.ended().await;
    assert_eq!(operation["error"]["code"], "CANCELLED");
    assert!(operation["events_done"].as_i64().expect("a number") < head);
    stack.expect_only(1, None).await;
    for wrong in [json!({"throttle": 0}), json!({"unknown": 1}), json!({"reason": ""})] {
        assert_eq!(process.rebuild(wrong).await.status(), 422);
    }
}
