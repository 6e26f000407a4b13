//! Other code than the one that made the live generation: it rebuilds, and the old code rolls back.

use serde_json::{Value, json};

use crate::process::Process;
use crate::shelf::Shelf;
use crate::stack::Stack;

/// The sum of the column that only version 2 has, as a query shows it.
async fn premieres_shown(process: &Process) -> i64 {
    let response = reqwest::get(format!("{}/shelf/m-", process.url))
        .await
        .expect("an answer");
    assert_eq!(response.status(), 200);
    let shelf: Vec<(String, i64, i64)> = response.json().await.expect("the shelf");
    assert!(!shelf.is_empty());
    shelf.iter().map(|(_, _, premieres)| premieres).sum()
}

#[tokio::test]
async fn new_code_fills_its_column_for_all_history_and_old_code_goes_back_up_to_date() {
    let mut stack = Stack::start().await;
    let old = stack.serve(Shelf::of_version(1)).await;
    let head = stack.append_many(50).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    old.stop().await;
    let new = stack.serve(Shelf::of_version(2)).await;
    let status = new.reach_state("version_mismatch").await;
    let told = status["last_error"].as_str().expect("how to go on");
    assert!(told.contains("marquee projections rebuild recorder"), "{told}");
    let unapplied = stack.append_many(20).await;
    stack.relay(head, unapplied).await;
    assert_eq!(premieres_shown(&new).await, 0, "the new code serves the old generation");
    let operation = new.rebuilt().await;
    assert!(premieres_shown(&new).await > 0, "and then its own");
    assert_eq!(operation["verification"]["columns_added"], json!(["movies.premieres"]));
    assert_eq!(operation["verification"]["differences_total"], 0);
    stack.expect_shelf(unapplied).await;
    let of_all_history = stack
        .column("SELECT count(*) FROM recorder_g2.movies WHERE cardinality(premieres) <> sequence")
        .await;
    assert_eq!(of_all_history, [0]);
    let later = stack.append_many(20).await;
    stack.relay(unapplied, later).await;
    stack.expect_shelf(later).await;
    stack.expect_only(2, Some(1)).await;
    let refused = new.rollback().await;
    assert_eq!(refused.status(), 409);
    let problem: Value = refused.json().await.expect("a problem");
    assert_eq!(problem["code"], "VERSION_MISMATCH");
    assert!(
        problem["detail"].as_str().expect("a detail").contains("version 1"),
        "{problem}"
    );
    new.stop().await;
    let old = stack.serve(Shelf::of_version(1)).await;
    old.reach_state("version_mismatch").await;
    roll_back(&old).await;
    stack.expect_shelf(later).await;
    stack.expect_only(1, Some(2)).await;
    let last = stack.append_many(20).await;
    stack.relay(later, last).await;
    stack.expect_shelf(last).await;
}

#[tokio::test]
async fn a_rollback_in_the_same_version_is_up_to_date_and_can_be_rolled_back() {
    let mut stack = Stack::start().await;
    let process = stack.serve(Shelf::of_version(1)).await;
    let refused = process.rollback().await;
    assert_eq!(refused.status(), 409);
    let problem: Value = refused.json().await.expect("a problem");
    assert_eq!(problem["code"], "NO_RETIRED_GENERATION");
    process.reach_state("waiting").await;
    let head = stack.append_many(50).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    process.rebuilt().await;
    let later = stack.append_many(50).await;
    stack.relay(head, later).await;
    stack.expect_shelf(later).await;
    for (live, retired) in [(1, 2), (2, 1)] {
        roll_back(&process).await;
        stack.expect_only(live, Some(retired)).await;
        stack.expect_shelf(later).await;
    }
    let last = stack.append_many(20).await;
    stack.relay(later, last).await;
    stack.expect_shelf(last).await;
    assert_eq!(process.healed_ranges().await, 0);
}

#[tokio::test]
async fn a_rollback_parks_what_the_old_generation_would_have_parked() {
    let mut stack = Stack::start().await;
    let process = stack.serve(Shelf::of_version(1)).await;
    for id in ["rule-1", "m-1", "rule-2"] {
        stack.append(id).await;
    }
    stack.relay(0, 3).await;
    stack.reach(3).await;
    process.rebuilt().await;
    for id in ["rule-1", "m-1", "rule-1", "rule-2", "m-2"] {
        stack.append(id).await;
    }
    stack.relay(3, 8).await;
    stack.reach(8).await;
    roll_back(&process).await;
    stack.expect_only(1, Some(2)).await;
    for generation in [1, 2] {
        let parked = format!("SELECT position FROM recorder_g{generation}.parked_events ORDER BY position");
        assert_eq!(stack.column(&parked).await, [4, 6, 7], "of generation {generation}");
    }
    assert_eq!(stack.column("SELECT parked_streams FROM projection").await, [2]);
}

#[tokio::test]
async fn a_rollback_keeps_a_discarded_event_behind_a_parked_one_in_its_place() {
    let mut stack = Stack::start().await;
    let process = stack.serve(Shelf::of_version(1)).await;
    stack.append("rule-1").await;
    stack.relay(0, 1).await;
    stack.reach(1).await;
    process.rebuilt().await;
    stack.append("rule-1").await;
    let last = stack.append("rule-1").await;
    stack.relay(1, last).await;
    stack.reach(last).await;
    stack.discard(last).await;
    roll_back(&process).await;
    let parked = "SELECT position FROM recorder_g1.parked_events ORDER BY position";
    assert_eq!(
        stack.column(parked).await,
        [2, 3],
        "a retry finds it behind the other one"
    );
}

async fn roll_back(process: &Process) {
    let response = process.rollback().await;
    assert_eq!(response.status(), 202, "{:?}", response.text().await);
    let operation = process.ended().await;
    assert_eq!(
        (&operation["state"], &operation["kind"]),
        (&json!("succeeded"), &json!("rollback")),
        "{operation}"
    );
}

#[tokio::test]
async fn a_generation_that_cannot_be_gone_back_to_is_refused_and_the_live_one_stays() {
    let mut stack = Stack::start().await;
    let process = stack.serve(Shelf::of_version(1)).await;
    let head = stack.append_many(20).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    process.rebuilt().await;
    stack.discard(1).await;
    assert_eq!(process.rollback().await.status(), 202);
    let operation = process.ended().await;
    assert_eq!(operation["error"]["code"], "VERIFICATION_FAILED", "{operation}");
    stack
        .change_model("DELETE FROM discarded_event; DROP SCHEMA recorder_g1 CASCADE")
        .await;
    assert_eq!(process.rollback().await.status(), 202);
    let operation = process.ended().await;
    assert_eq!(operation["error"]["code"], "VERIFICATION_FAILED", "{operation}");
    assert_eq!(stack.live().await, 2);
    stack.expect_shelf(head).await;
}
