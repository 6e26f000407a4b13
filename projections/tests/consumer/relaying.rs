//! Behind the real relay: nothing is healed while all is well, and everything while it is not.

use projections::ConsumerArgs;

use crate::QUEUE;
use crate::process::{args, eventually};
use crate::recorder::Recorder;
use crate::stack::Stack;

#[tokio::test]
async fn while_all_is_well_nothing_is_read_from_the_log() {
    let stack = Stack::start().await;
    let process = stack.serve(Recorder::default()).await;
    process.reach_state("waiting").await;
    let _relay = stack.serve_relay().await;
    let mut head = 0;
    for _ in 0..5 {
        head = stack.append_many(40).await;
        stack.reach(head).await;
    }
    stack.expect_equal_to_log(head).await;
    assert_eq!(process.healed_ranges().await, 0);
}

#[tokio::test]
async fn whatever_breaks_between_log_and_read_model_they_end_equal() {
    let mut stack = Stack::start().await;
    let _first = stack
        .serve_with(
            Recorder::default(),
            ConsumerArgs {
                silence_ms: 1_000,
                ..args()
            },
        )
        .await;
    let _second = stack
        .serve_with(
            Recorder::default(),
            ConsumerArgs {
                silence_ms: 1_000,
                ..args()
            },
        )
        .await;
    let _relay = stack.serve_relay().await;
    for round in 0..8 {
        stack.append_many(20).await;
        match round % 5 {
            0 => drop(stack.vhost.unbind("movie", QUEUE, "movie.#").await),
            1 => stack.vhost.delete_queue(QUEUE).await,
            2 => stack.database.terminate_connections().await,
            3 => stack.log_database.terminate_connections().await,
            _ => drop(stack.vhost.close_connections().await),
        }
        stack.reconnect_databases().await;
        eventually("the queue", async || stack.vhost.queue(QUEUE).await).await;
    }
    let head = stack.append_many(20).await;
    stack.expect_equal_to_log(head).await;
}
