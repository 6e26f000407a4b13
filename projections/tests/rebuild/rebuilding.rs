//! A rebuild from its start to its switch.

use serde_json::json;

use crate::shelf::Shelf;
use crate::stack::Stack;

#[tokio::test]
async fn a_rebuild_makes_another_generation_and_keeps_the_old_one() {
    let mut stack = Stack::start().await;
    let process = stack.serve(Shelf::of_version(1)).await;
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
