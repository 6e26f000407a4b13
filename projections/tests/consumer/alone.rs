//! A consumer that cannot reach the broker.

use dev_stack::CutProxy;
use projections::ConsumerArgs;

use crate::process::args;
use crate::recorder::Recorder;
use crate::stack::Stack;

fn impatient() -> ConsumerArgs {
    ConsumerArgs {
        silence_ms: 300,
        retry_delay_ms_max: 100,
        ..args()
    }
}

/// A way to the broker that is closed until it is opened.
async fn closed_way(stack: &Stack) -> (CutProxy, String) {
    let (way, url) = CutProxy::to_url(&stack.vhost.amqp_url()).await.expect("a proxy");
    way.refuse(true);
    (way, url)
}

#[tokio::test]
async fn without_the_broker_the_log_is_followed_and_with_it_nothing_comes_twice() {
    let mut stack = Stack::start().await;
    let (way, url) = closed_way(&stack).await;
    let process = stack.serve_through(&url, Recorder::default(), impatient()).await;
    let first = stack.append_many(20).await;
    stack.expect_equal_to_log(first).await;
    let second = stack.append_many(20).await;
    stack.expect_equal_to_log(second).await;

    way.refuse(false);
    process.reach_state("waiting").await;
    stack.relay(0, second).await;
    let third = stack.append_many(20).await;
    stack.relay(second, third).await;
    stack.expect_equal_to_log(third).await;
}

#[tokio::test]
async fn one_that_cannot_reach_the_broker_does_no_harm_to_one_that_can() {
    let mut stack = Stack::start().await;
    let active = stack.serve(Recorder::default()).await;
    active.reach_state("waiting").await;
    let mut closed = stack.append_many(5).await;
    stack.relay(0, closed).await;
    stack.expect_equal_to_log(closed).await;
    let (_way, url) = closed_way(&stack).await;
    let _alone = stack.serve_through(&url, Recorder::default(), impatient()).await;
    for _ in 0..20 {
        let head = stack.append_many(5).await;
        stack.relay(closed, head).await;
        closed = head;
    }
    stack.expect_equal_to_log(closed).await;
}
