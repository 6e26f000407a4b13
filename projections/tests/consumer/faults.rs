//! A table of faults of the bus: each ends in a read model equal to the log's.

use projections::ConsumerArgs;

use crate::process::{args, eventually};
use crate::recorder::Recorder;
use crate::stack::Stack;
use crate::{QUEUE, stack_with_a_recorder};

fn impatient() -> ConsumerArgs {
    ConsumerArgs {
        silence_ms: 300,
        ..args()
    }
}

#[tokio::test]
async fn what_arrives_whole_is_applied_in_order_without_the_log() {
    let (mut stack, process) = stack_with_a_recorder().await;
    let head = stack.append_many(60).await;
    stack.relay(0, head).await;
    stack.expect_equal_to_log(head).await;
    assert_eq!(process.healed_ranges().await, 0);
}

#[tokio::test]
async fn a_range_is_not_applied_before_its_watermark() {
    let (mut stack, process) = stack_with_a_recorder().await;
    let head = stack.append_many(10).await;
    stack.publish_range(0, 5).await;
    stack.close(0, 5).await;
    stack.publish_range(5, head).await;
    stack.expect_equal_to_log(5).await;
    stack.close(5, head).await;
    stack.expect_equal_to_log(head).await;
    assert_eq!(process.healed_ranges().await, 0);
}

#[tokio::test]
async fn a_range_without_any_event_of_ours_moves_the_checkpoint() {
    let (mut stack, process) = stack_with_a_recorder().await;
    for _ in 0..3 {
        stack.append_unbound().await;
    }
    stack.close(0, 3).await;
    stack.expect_equal_to_log(3).await;
    assert_eq!(process.healed_ranges().await, 0);
}

#[tokio::test]
async fn a_lost_message_is_healed_from_the_log() {
    let (mut stack, process) = stack_with_a_recorder().await;
    let head = stack.append_many(10).await;
    stack.publish_range(0, 2).await;
    stack.publish_range(3, head).await;
    stack.close(0, head).await;
    stack.expect_equal_to_log(head).await;
    assert_eq!(process.healed_ranges().await, 1);
}

#[tokio::test]
async fn a_doubled_message_is_applied_once() {
    let (mut stack, process) = stack_with_a_recorder().await;
    let head = stack.append_many(10).await;
    stack.publish_range(0, 5).await;
    stack.publish_range(0, 5).await;
    stack.close(0, 5).await;
    stack.publish_range(2, head).await;
    stack.close(5, head).await;
    stack.expect_equal_to_log(head).await;
    assert_eq!(process.healed_ranges().await, 0);
}

#[tokio::test]
async fn messages_out_of_order_are_applied_in_order() {
    let (mut stack, process) = stack_with_a_recorder().await;
    let head = stack.append_many(10).await;
    for event in stack.events(0, head).await.iter().rev() {
        stack.publish(event).await;
    }
    stack.close(0, head).await;
    stack.expect_equal_to_log(head).await;
    assert_eq!(process.healed_ranges().await, 0);
}

#[tokio::test]
async fn a_message_behind_its_watermark_is_healed_and_then_a_duplicate() {
    let (mut stack, process) = stack_with_a_recorder().await;
    let head = stack.append_many(10).await;
    stack.publish_range(0, 4).await;
    stack.close(0, 5).await;
    stack.publish_range(3, head).await;
    stack.close(5, head).await;
    stack.expect_equal_to_log(head).await;
    // The fifth event is not ours: nothing was missing.
    assert_eq!(process.healed_ranges().await, 0);
    let later = stack.append_many(4).await;
    stack.close(head, later).await;
    stack.publish_range(head, later).await;
    let head = stack.append_many(1).await;
    stack.relay(later, head).await;
    stack.expect_equal_to_log(head).await;
    assert_eq!(process.healed_ranges().await, 1);
}

#[tokio::test]
async fn a_lost_watermark_is_made_good_by_the_next_one() {
    let (mut stack, process) = stack_with_a_recorder().await;
    let head = stack.append_many(10).await;
    stack.publish_range(0, head).await;
    stack.close(5, head).await;
    stack.expect_equal_to_log(head).await;
    assert_eq!(process.healed_ranges().await, 1);
}

#[tokio::test]
async fn without_any_watermark_the_log_closes_the_range() {
    let mut stack = Stack::start().await;
    let process = stack.serve_with(Recorder::default(), impatient()).await;
    process.reach_state("waiting").await;
    let head = stack.append_many(10).await;
    stack.publish_range(0, head).await;
    stack.expect_equal_to_log(head).await;
    eventually("an empty queue", async || {
        stack
            .vhost
            .queue(QUEUE)
            .await
            .filter(|queue| queue.messages == 0)
            .map(drop)
    })
    .await;
}

#[tokio::test]
async fn more_than_can_be_held_without_a_watermark_is_closed_by_the_log() {
    let mut stack = Stack::start().await;
    let process = stack
        .serve_with(Recorder::default(), ConsumerArgs { prefetch: 8, ..args() })
        .await;
    process.reach_state("waiting").await;
    let head = stack.append_many(30).await;
    stack.publish_range(0, head).await;
    stack.close(0, head).await;
    stack.expect_equal_to_log(head).await;
    let later = stack.append_many(5).await;
    stack.relay(head, later).await;
    stack.expect_equal_to_log(later).await;
}

#[tokio::test]
async fn watermarks_that_overlap_apply_nothing_twice() {
    let (mut stack, process) = stack_with_a_recorder().await;
    let head = stack.append_many(20).await;
    stack.publish_range(0, 10).await;
    stack.close(0, 10).await;
    stack.publish_range(5, 15).await;
    for (from, to) in [(0, 5), (5, 15), (3, 12), (15, 15)] {
        stack.close(from, to).await;
    }
    stack.publish_range(15, head).await;
    stack.close(15, head).await;
    stack.expect_equal_to_log(head).await;
    assert_eq!(process.healed_ranges().await, 1);
}

#[tokio::test]
async fn a_deleted_queue_comes_back_and_what_it_missed_is_healed() {
    let (mut stack, _process) = stack_with_a_recorder().await;
    let head = stack.append_many(10).await;
    stack.relay(0, head).await;
    stack.expect_equal_to_log(head).await;
    stack.vhost.delete_queue(QUEUE).await;
    let missed = stack.append_many(10).await;
    stack.publish_range(head, missed).await;
    eventually("the queue", async || {
        stack.vhost.queue(QUEUE).await.filter(|queue| queue.consumers == 1)
    })
    .await;
    let later = stack.append_many(10).await;
    stack.relay(missed, later).await;
    stack.expect_equal_to_log(later).await;
}

#[tokio::test]
async fn a_removed_binding_comes_back_and_what_it_missed_is_healed() {
    let (mut stack, process) = stack_with_a_recorder().await;
    assert!(stack.vhost.unbind("movie", QUEUE, "movie.#").await);
    let missed = stack.append_many(10).await;
    stack.relay(0, missed).await;
    stack.expect_equal_to_log(missed).await;
    eventually("the binding", async || {
        stack
            .vhost
            .bindings(QUEUE)
            .await
            .into_iter()
            .find(|binding| binding.source == "movie")
    })
    .await;
    let healed = process.healed_ranges().await;
    let head = stack.append_many(10).await;
    stack.relay(missed, head).await;
    stack.expect_equal_to_log(head).await;
    assert_eq!(
        process.healed_ranges().await,
        healed,
        "what is bound again is delivered again"
    );
}

#[tokio::test]
async fn with_the_watermarks_unbound_the_log_closes_the_range_and_they_come_back() {
    let mut stack = Stack::start().await;
    let process = stack.serve_with(Recorder::default(), impatient()).await;
    process.reach_state("waiting").await;
    assert!(stack.vhost.unbind("watermark", QUEUE, "").await);
    let head = stack.append_many(10).await;
    stack.relay(0, head).await;
    stack.expect_equal_to_log(head).await;
    eventually("the binding", async || {
        stack
            .vhost
            .bindings(QUEUE)
            .await
            .into_iter()
            .find(|binding| binding.source == "watermark")
    })
    .await;
}

#[tokio::test]
async fn a_closed_connection_to_the_broker_loses_nothing() {
    let (mut stack, _process) = stack_with_a_recorder().await;
    let head = stack.append_many(40).await;
    stack.relay(0, 20).await;
    stack.publish_range(20, 25).await;
    stack.vhost.close_connections().await;
    stack.reconnect().await;
    stack.publish_range(20, head).await;
    stack.close(20, head).await;
    stack.expect_equal_to_log(head).await;
}

#[tokio::test]
async fn closed_connections_to_the_databases_lose_nothing() {
    let mut stack = Stack::start().await;
    let _process = stack.serve(Recorder::default()).await;
    let mut closed = 0;
    for round in 0..5 {
        let head = stack.append_many(20).await;
        stack.publish_range(closed, head).await;
        stack.database.terminate_connections().await;
        if round % 2 == 0 {
            stack.log_database.terminate_connections().await;
        }
        // The test's own pools lost their connections too.
        stack.reconnect_databases().await;
        stack.close(closed, head).await;
        closed = head;
    }
    stack.expect_equal_to_log(closed).await;
}
