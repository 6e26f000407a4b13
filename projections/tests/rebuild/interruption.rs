//! However a rebuild ends before its switch: nothing is left of it, and the live generation is untouched.

use serde_json::json;

use crate::process::{Process, eventually};
use crate::shelf::Shelf;
use crate::stack::Stack;

async fn served(shelf: Shelf) -> (Stack, Process, i64) {
    let mut stack = Stack::start().await;
    let process = stack.serve(shelf).await;
    let head = stack.append_many(60).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    (stack, process, head)
}

async fn cancel_leaves_no_trace(stack: &Stack, process: &Process, head: i64) {
    assert_eq!(process.cancel().await.status(), 202);
    let operation = process.ended().await;
    assert_eq!(
        (&operation["state"], &operation["error"]["code"], &operation["phase"]),
        (&json!("cancelled"), &json!("CANCELLED"), &json!(null)),
        "{operation}"
    );
    stack.expect_only(1, None).await;
    stack.expect_shelf(head).await;
}

#[tokio::test]
async fn called_off_while_it_loads_it_leaves_no_trace() {
    let (stack, process, head) = served(Shelf::of_version(1)).await;
    process.rebuild(json!({"throttle": 1})).await;
    process.reach_phase("loading").await;
    cancel_leaves_no_trace(&stack, &process, head).await;
}

#[tokio::test]
async fn called_off_it_leaves_the_generation_that_a_rollback_goes_to() {
    let (stack, process, head) = served(Shelf::of_version(1)).await;
    process.rebuilt().await;
    stack.expect_only(2, Some(1)).await;
    process.rebuild(json!({"throttle": 1})).await;
    process.reach_phase("loading").await;
    assert_eq!(process.cancel().await.status(), 202);
    assert_eq!(process.ended().await["state"], "cancelled");
    stack.expect_only(2, Some(1)).await;
    process.rebuilt().await;
    stack.expect_only(4, Some(2)).await;
    stack.expect_shelf(head).await;
}

#[tokio::test]
async fn called_off_while_it_makes_indexes_it_leaves_no_trace() {
    let shelf = Shelf::of_version(1);
    let (stack, process, head) = served(shelf.clone()).await;
    shelf.hang_at_indexes(true);
    process.rebuild(json!({})).await;
    process.reach_phase("indexing").await;
    cancel_leaves_no_trace(&stack, &process, head).await;
    shelf.hang_at_indexes(false);
    process.rebuilt().await;
}

#[tokio::test]
async fn called_off_while_it_verifies_it_leaves_no_trace() {
    let (stack, process, head) = served(Shelf::of_version(1)).await;
    let lock = stack
        .hold("LOCK TABLE recorder_g1.movies IN ACCESS EXCLUSIVE MODE")
        .await;
    process.rebuild(json!({})).await;
    process.reach_phase("verifying").await;
    assert_eq!(process.cancel().await.status(), 202);
    assert_eq!(process.ended().await["state"], "cancelled");
    drop(lock);
    stack.expect_only(1, None).await;
    stack.expect_shelf(head).await;
}

#[tokio::test]
async fn called_off_while_it_waits_for_the_switch_it_leaves_no_trace() {
    let (stack, process, head) = served(Shelf::of_version(1)).await;
    process.rebuild(json!({"throttle": 20})).await;
    process.reach_phase("loading").await;
    let lock = stack.hold("SELECT 1 FROM projection FOR UPDATE").await;
    process.reach_phase("switching").await;
    assert_eq!(process.cancel().await.status(), 202);
    eventually("the end of its work", async || {
        stack.workers().await.is_empty().then_some(())
    })
    .await;
    drop(lock);
    assert_eq!(process.ended().await["state"], "cancelled");
    stack.expect_only(1, None).await;
    stack.expect_shelf(head).await;
}

#[tokio::test]
async fn a_process_that_stops_takes_its_rebuild_back() {
    let (stack, process, head) = served(Shelf::of_version(1)).await;
    process.rebuild(json!({"throttle": 1})).await;
    process.reach_phase("loading").await;
    process.stop().await;
    stack.expect_only(1, None).await;
    let process = stack.serve(Shelf::of_version(1)).await;
    let operation = eventually("the record", async || process.operation().await).await;
    assert_eq!(
        (&operation["state"], &operation["error"]["code"]),
        (&json!("interrupted"), &json!("INTERRUPTED"))
    );
    stack.expect_shelf(head).await;
}

#[tokio::test]
async fn a_database_that_restarts_ends_a_rebuild_and_nothing_is_left() {
    let (mut stack, process, head) = served(Shelf::of_version(1)).await;
    process.rebuild(json!({"throttle": 1})).await;
    process.reach_phase("loading").await;
    stack.database.terminate_connections().await;
    stack.reconnect_databases().await;
    let operation = process.ended().await;
    assert!(
        operation["state"] == "failed" || operation["state"] == "interrupted",
        "{operation}"
    );
    eventually("no remains", async || {
        stack.aside("building").await.is_empty().then_some(())
    })
    .await;
    stack.expect_only(1, None).await;
    stack.expect_shelf(head).await;
    process.rebuilt().await;
}

#[tokio::test]
async fn killed_at_any_moment_it_leaves_nothing_that_the_next_start_does_not_remove() {
    let (stack, mut process, head) = served(Shelf::of_version(1)).await;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for nr in 0..10 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        assert_eq!(process.rebuild(json!({"throttle": 100})).await.status(), 202);
        // Up to a little longer than it takes: loading is about half of it.
        tokio::time::sleep(std::time::Duration::from_millis(random % 1_200)).await;
        process.kill().await;
        let live = stack.live().await;
        stack.expect_shelf(head).await;
        process = stack.serve(Shelf::of_version(1)).await;
        eventually(&format!("no remains of number {nr}"), async || {
            let left = stack.column("SELECT 1::bigint FROM rebuild WHERE running").await;
            (left.is_empty() && stack.aside("building").await.is_empty()).then_some(())
        })
        .await;
        assert_eq!(stack.live().await, live);
        let retired = stack.aside("retired").await;
        stack.expect_only(live, retired.first().copied()).await;
    }
    process.rebuilt().await;
    stack.expect_shelf(head).await;
}

#[tokio::test]
async fn who_reads_what_was_given_up_holds_up_nothing() {
    let (mut stack, process, head) = served(Shelf::of_version(1)).await;
    process.rebuilt().await;
    let reader = stack.hold("LOCK TABLE recorder_g1.movies IN ACCESS SHARE MODE").await;
    process.rebuilt().await;
    let later = stack.append_many(10).await;
    stack.relay(head, later).await;
    stack.expect_shelf(later).await;
    process.rebuilt().await;
    drop(reader);
    process.rebuilt().await;
    stack.expect_only(5, Some(4)).await;
}
