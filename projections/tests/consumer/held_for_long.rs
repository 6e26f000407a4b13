//! A projection that is held for longer than the broker lets a consumer hold a message.
//!
//! RabbitMQ 3.10 and 4.0 close the channel then; from 4.3 on the broker ends the consumer and leaves the channel open, and gives
//! single messages to another one. Either way the order stays, another process takes over, and the log says why once.

use std::time::Duration;

use dev_stack::PrivateRabbit;

use crate::log_lines::LogLines;
use crate::one_beside_another;
use crate::process::eventually;
use crate::recorder::Recorder;
use crate::stack::Stack;

/// How long the broker lets a consumer hold a message.
const CONSUMER_TIMEOUT: Duration = Duration::from_secs(2);
/// What the log says of it, by the broker that closes the channel and by the one that ends the consumer.
const REASONS: [&str; 2] = [
    "delivery acknowledgement on channel",
    "the broker ended the consumer of queue",
];
/// What the log says of the attempts of one that is held.
const HELD: &str = "a_table_that_is_missing";

async fn stack_with_an_impatient_broker() -> (PrivateRabbit, Stack) {
    let broker = PrivateRabbit::start_with_consumer_timeout(CONSUMER_TIMEOUT).await;
    let stack = Stack::start_on(&broker).await;
    (broker, stack)
}

#[tokio::test]
async fn a_projection_held_for_longer_than_the_consumer_timeout_goes_on_in_the_process_that_waits_in_order() {
    let (_broker, mut stack) = stack_with_an_impatient_broker().await;
    let (stuck, [first, _second], head) = one_beside_another(&mut stack).await;

    stuck.stick(true);
    let later = stack.append_many(60).await;
    stack.relay(head, later).await;
    stack.expect_equal_to_log(later).await;
    let status = first.reach_state("waiting").await;
    let error = status["last_error"].as_str().expect("why it lost the queue");
    assert!(REASONS.iter().any(|reason| error.contains(reason)), "{error}");

    stuck.stick(false);
    let last = stack.append_many(20).await;
    stack.relay(later, last).await;
    stack.expect_equal_to_log(last).await;
}

#[tokio::test]
async fn the_log_says_once_why_a_projection_does_not_go_on_however_often_the_broker_takes_its_messages_away() {
    let lines = LogLines::begin();
    let (_broker, mut stack) = stack_with_an_impatient_broker().await;
    let stuck = Recorder::default();
    let process = stack.serve(stuck.clone()).await;
    process.reach_state("waiting").await;
    stuck.stick(true);
    let head = stack.append_many(20).await;
    stack.relay(0, head).await;
    eventually("twice that the broker took the messages away", async || {
        (lines.count(&REASONS, "") >= 2).then_some(())
    })
    .await;
    assert_eq!(lines.count(&REASONS, "WARN"), 1, "{lines}");
    assert_eq!(lines.count(&[HELD], "WARN"), 1, "{lines}");
    assert!(lines.count(&[HELD], "") > 3);

    stuck.stick(false);
    stack.expect_equal_to_log(head).await;
    eventually("the end of it in the log", async || {
        (lines.count(&["the consumer goes on"], "INFO") == 1).then_some(())
    })
    .await;
    stuck.stick(true);
    let later = stack.append_many(5).await;
    stack.relay(head, later).await;
    eventually("the next time, which is told again", async || {
        (lines.count(&[HELD], "WARN") == 2).then_some(())
    })
    .await;
}
