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

#[tokio::test]
async fn a_backlog_of_fifty_thousand_events_is_caught_up_with_no_more_on_the_way_than_the_prefetch() {
    const EVENTS: i64 = 50_000;
    const STEP: i64 = 2_500;
    const PREFETCH: u16 = 500;
    let stack = Stack::start().await;
    let few = ConsumerArgs {
        prefetch: PREFETCH,
        ..args()
    };
    let process = stack.serve_with(Recorder::default(), few).await;
    process.reach_state("waiting").await;
    stack
        .change_log(&format!(
            "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_id, event_type, event_version, \
             payload, metadata) SELECT n, 'movie', 'm-' || n, 1, gen_random_uuid(), 'movie.premiere.rescheduled', '1', \
             '{{\"type\": \"movie.premiere.rescheduled\", \"premiere_date\": \"2026-05-01\"}}', '{{}}' \
             FROM generate_series(1, {EVENTS}) n"
        ))
        .await;
    let _relay = stack.serve_relay().await;
    let mut unacknowledged = 0;
    for position in (STEP..=EVENTS).step_by(STEP as usize) {
        eventually(&format!("the read model at {position}"), async || {
            (stack.position().await >= Some(position)).then_some(())
        })
        .await;
        let queue = stack.vhost.queue(QUEUE).await.expect("the queue");
        unacknowledged = queue.messages_unacknowledged.max(unacknowledged);
    }
    assert!(
        unacknowledged <= u64::from(PREFETCH),
        "{unacknowledged} deliveries were on the way"
    );
    let applied = stack.applied().await;
    assert!(applied.iter().copied().eq(1..=EVENTS), "each once, in order");
}
