//! A queue that lost its leader for good.

use dev_stack::PrivateRabbit;
use projections::ConsumerArgs;

use crate::process::{args, eventually};
use crate::recorder::Recorder;
use crate::stack::Stack;

#[tokio::test]
async fn a_queue_that_a_killed_broker_brings_back_without_a_leader_is_replaced_and_the_relay_goes_on() {
    let mut broker = PrivateRabbit::start().await;
    let stack = Stack::start_on(&broker).await;
    let args = ConsumerArgs {
        queue_patience_ms: 10_000,
        ..args()
    };
    let first = stack.serve_with(Recorder::default(), args.clone()).await;
    first.reach_state("waiting").await;
    let second = stack.serve_with(Recorder::default(), args).await;
    second.reach_state("waiting").await;
    let _relay = stack.serve_relay().await;
    let before = stack.append_many(20).await;
    stack.expect_equal_to_log(before).await;

    broker.kill().await;
    broker.forget_quorum_queues();
    broker.start_again().await;
    eventually("a queue to consume from", async || {
        let status = first.status().await?;
        matches!(status["state"].as_str(), Some("waiting" | "consuming")).then_some(())
    })
    .await;
    let after = stack.append_many(20).await;
    // No range is closed without a watermark here: only a queue that works brings them.
    stack.expect_equal_to_log(after).await;
}
