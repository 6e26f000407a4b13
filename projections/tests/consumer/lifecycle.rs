//! Starting, stopping, dying and taking over, other versions and other logs.

use projections::ConsumerArgs;

use crate::process::{args, eventually};
use crate::recorder::Recorder;
use crate::stack::Stack;
use crate::{QUEUE, one_beside_another, stack_with_a_recorder};

#[tokio::test]
async fn a_new_read_model_on_an_old_log_starts_from_the_log_in_small_transactions() {
    let mut stack = Stack::start().await;
    let head = stack.append_many(100).await;
    let process = stack
        .serve_with(
            Recorder::default(),
            ConsumerArgs {
                batch_events_max: 7,
                ..args()
            },
        )
        .await;
    stack.expect_equal_to_log(head).await;
    assert_eq!(process.healed_ranges().await, 0, "nothing was lost");
    let later = stack.append_many(10).await;
    stack.relay(head, later).await;
    stack.expect_equal_to_log(later).await;
}

#[tokio::test]
async fn after_a_restart_it_goes_on_at_its_checkpoint() {
    let mut stack = Stack::start().await;
    let process = stack.serve(Recorder::default()).await;
    let head = stack.append_many(20).await;
    stack.relay(0, head).await;
    stack.expect_equal_to_log(head).await;
    process.stop().await;
    let later = stack.append_many(20).await;
    stack.relay(head, later).await;
    let process = stack.serve(Recorder::default()).await;
    stack.expect_equal_to_log(later).await;
    assert_eq!(process.healed_ranges().await, 0, "the queue kept what came meanwhile");
}

#[tokio::test]
async fn a_consumer_killed_with_hundreds_of_unacknowledged_deliveries_loses_none_to_the_second_one() {
    let mut stack = Stack::start().await;
    let (stuck, [first, second], head) = one_beside_another(&mut stack).await;
    stuck.stick(true);
    let later = stack.append_many(500).await;
    stack.relay(head, later).await;
    first.reach_state("held").await;
    eventually("hundreds of unacknowledged deliveries", async || {
        stack
            .vhost
            .queue(QUEUE)
            .await
            .filter(|queue| queue.messages_unacknowledged >= 300)
            .map(drop)
    })
    .await;
    assert_eq!(second.status().await.expect("a status")["state"], "waiting");
    first.kill().await;
    stack.expect_equal_to_log(later).await;
    assert_eq!(
        second.healed_ranges().await,
        0,
        "they came again, in order, before anything later"
    );
}

#[tokio::test]
async fn a_consumer_that_was_overtaken_applies_nothing_and_starts_anew() {
    let mut stack = Stack::start().await;
    let recorder = Recorder::default();
    let process = stack.serve(recorder.clone()).await;
    let head = stack.append_many(10).await;
    stack.relay(0, head).await;
    stack.expect_equal_to_log(head).await;
    recorder.stick(true);
    let later = stack.append_many(10).await;
    stack.relay(head, later).await;
    process.reach_state("held").await;
    stack
        .change_model("UPDATE projection SET consumer_epoch = consumer_epoch + 1")
        .await;
    recorder.stick(false);
    stack.expect_equal_to_log(later).await;
    let epochs = stack.column("SELECT consumer_epoch FROM projection").await;
    assert_eq!(
        epochs,
        [3],
        "the first session's, the other's, and that of the session after it"
    );
}

#[tokio::test]
async fn one_that_waits_does_not_interfere_with_the_active_one() {
    let mut stack = Stack::start().await;
    let impatient = ConsumerArgs {
        silence_ms: 100,
        ..args()
    };
    let first = stack.serve(Recorder::default()).await;
    first.reach_state("waiting").await;
    let mut closed = stack.append_many(5).await;
    stack.relay(0, closed).await;
    stack.expect_equal_to_log(closed).await;
    let second = stack.serve_with(Recorder::default(), impatient).await;
    second.reach_state("waiting").await;
    for _ in 0..30 {
        let head = stack.append_many(5).await;
        stack.relay(closed, head).await;
        closed = head;
    }
    stack.expect_equal_to_log(closed).await;
    first.stop().await;
    let head = stack.append_many(5).await;
    stack.relay(closed, head).await;
    stack.expect_equal_to_log(head).await;
}

#[tokio::test]
async fn code_of_another_version_serves_the_old_generation_and_applies_nothing() {
    let mut stack = Stack::start().await;
    let old = stack.serve(Recorder::default()).await;
    let head = stack.append_many(10).await;
    stack.relay(0, head).await;
    stack.expect_equal_to_log(head).await;
    old.stop().await;
    let new = stack.serve(Recorder::of_version(2)).await;
    let status = new.reach_state("version_mismatch").await;
    assert!(
        status["last_error"]
            .as_str()
            .expect("the reason")
            .contains("VERSION_MISMATCH")
    );
    let later = stack.append_many(10).await;
    stack.relay(head, later).await;
    let answer = reqwest::get(format!("{}/streams/m-0", new.url))
        .await
        .expect("an answer");
    assert_eq!(answer.headers()["read-position"], head.to_string());
    let consumers = eventually("the queue", async || stack.vhost.queue(QUEUE).await)
        .await
        .consumers;
    assert_eq!(consumers, 0, "its channel is closed");
    new.stop().await;
    let _old = stack.serve(Recorder::default()).await;
    stack.expect_equal_to_log(later).await;
}

#[tokio::test]
async fn a_log_without_the_checkpoint_stops_the_consumer() {
    let mut stack = Stack::start().await;
    let process = stack.serve(Recorder::default()).await;
    let head = stack.append_many(10).await;
    stack.relay(0, head).await;
    stack.expect_equal_to_log(head).await;
    stack.restore_log(8).await;
    let new_head = stack.append_many(10).await;
    stack.publish_range(8, new_head).await;
    stack.close(8, new_head).await;
    let status = process.reach_state("log_diverged").await;
    let error = status["last_error"].as_str().expect("the reason");
    assert!(error.contains("LOG_DIVERGED") && error.contains("rebuild"), "{error}");
    assert_eq!(stack.position().await, Some(head));
    process.stop().await;
    let process = stack.serve(Recorder::default()).await;
    process.reach_state("log_diverged").await;
    assert_eq!(stack.position().await, Some(head));
}

#[tokio::test]
async fn a_restored_log_that_still_has_the_checkpoint_is_followed_on() {
    let (mut stack, _process) = stack_with_a_recorder().await;
    let head = stack.append_many(20).await;
    stack.relay(0, 10).await;
    stack.expect_equal_to_log(10).await;
    // Delivered, not closed, and then not in the log any more: other events take their positions.
    stack.publish_range(10, head).await;
    stack.restore_log(12).await;
    let new_head = stack.append_many(5).await;
    stack.publish_range(12, new_head).await;
    stack.close(12, new_head).await;
    stack.expect_equal_to_log(new_head).await;
}

#[tokio::test]
async fn a_range_of_a_log_that_was_replaced_meanwhile_is_not_healed_from_the_new_one() {
    let (mut stack, process) = stack_with_a_recorder().await;
    let head = stack.append_many(20).await;
    stack.relay(0, 10).await;
    stack.expect_equal_to_log(10).await;
    // Published by a relay that had not heard of it yet.
    let watermark = stack.watermark(10, head).await;
    stack.restore_log(8).await;
    assert!(stack.append_many(20).await > head);
    stack.publish_watermark(&watermark).await;
    process.reach_state("log_diverged").await;
    assert_eq!(stack.position().await, Some(10));
}

#[tokio::test]
async fn a_log_that_went_back_unnoticed_is_found_out_in_the_silence() {
    let mut stack = Stack::start().await;
    let process = stack
        .serve_with(
            Recorder::default(),
            ConsumerArgs {
                silence_ms: 300,
                ..args()
            },
        )
        .await;
    let head = stack.append_many(10).await;
    stack.relay(0, head).await;
    stack.expect_equal_to_log(head).await;
    stack
        .change_log("ALTER TABLE events DISABLE TRIGGER ALL; DELETE FROM events WHERE position > 5")
        .await;
    process.reach_state("log_diverged").await;
    assert_eq!(stack.position().await, Some(head));
}

#[tokio::test]
async fn an_attempt_that_hangs_costs_the_consumer_its_connections_and_nothing_else() {
    let mut stack = Stack::start().await;
    let recorder = Recorder::default();
    let process = stack
        .serve_with(
            recorder.clone(),
            ConsumerArgs {
                iteration_ms_max: 1_000,
                ..args()
            },
        )
        .await;
    process.reach_state("waiting").await;
    recorder.hang_once();
    let head = stack.append_many(20).await;
    stack.relay(0, head).await;
    stack.expect_equal_to_log(head).await;
    let status = process.reach_state("consuming").await;
    assert!(
        status["last_error"]
            .as_str()
            .expect("the reason")
            .contains("took longer than")
    );
    assert_eq!(process.healed_ranges().await, 0, "the deliveries came again");
}
