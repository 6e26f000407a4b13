//! What the relay has not sent, or what is not true: none of it has an effect.

use std::collections::BTreeMap;

use domain::Position;
use event_bus::{KeyTotal, Watermark};
use serde_json::json;
use uuid::Uuid;

use crate::{QUEUE, stack_with_a_recorder};

/// A range that holds nothing for the read model, as a watermark tells it.
fn all_of_users(from: i64, to: i64) -> BTreeMap<String, KeyTotal> {
    let mut total = KeyTotal::default();
    (from + 1..=to).for_each(|position| total.add(Position(position)));
    BTreeMap::from([("user.created".into(), total)])
}

#[tokio::test]
async fn strangers_messages_have_no_effect() {
    let (mut stack, process) = stack_with_a_recorder().await;
    let head = stack.append_many(10).await;
    stack.publish_range(0, 5).await;
    for (exchange, key) in [
        ("movie", "movie.announced"),
        ("movie", "movie.of.strangers"),
        ("watermark", ""),
    ] {
        for body in ["", "not json", "{}", r#"{"from": 0, "to": 10}"#] {
            stack
                .vhost
                .publish(exchange, key, json!({"content_type": "application/json"}), body)
                .await;
        }
    }
    let mut of_another_log = stack.events(5, 6).await;
    of_another_log[0].log_id = Uuid::new_v4();
    stack.publish(&of_another_log[0]).await;
    let foreign = Watermark {
        log_id: Uuid::new_v4(),
        from: Position(0),
        to: Position(9),
        keys: all_of_users(0, 9),
        event_id: None,
        recorded_at: None,
    };
    stack.publish_watermark(&foreign).await;
    stack.publish_range(5, head).await;
    stack.close(0, head).await;
    stack.expect_equal_to_log(head).await;
    assert_eq!(process.healed_ranges().await, 0);
}

#[tokio::test]
async fn an_event_that_reaches_the_queue_without_being_asked_for_is_not_applied() {
    let (mut stack, process) = stack_with_a_recorder().await;
    stack.vhost.bind("user", QUEUE, "user.#").await;
    let head = stack.append_many(10).await;
    stack.relay(0, head).await;
    stack.expect_equal_to_log(head).await;
    assert_eq!(process.healed_ranges().await, 0);
}

#[tokio::test]
async fn a_watermark_beyond_the_head_of_the_log_is_not_believed() {
    let (mut stack, _process) = stack_with_a_recorder().await;
    let head = stack.append_many(10).await;
    stack.publish_range(0, head).await;
    stack.close(0, head).await;
    let log_id = stack.log.log_id().await.expect("the log's identity");
    stack
        .publish_watermark(&Watermark {
            log_id,
            from: Position(head),
            to: Position(head + 2),
            keys: all_of_users(head, head + 2),
            event_id: None,
            recorded_at: None,
        })
        .await;
    stack.expect_equal_to_log(head).await;
    let later = stack.append_many(10).await;
    stack.relay(head, later).await;
    stack.expect_equal_to_log(later).await;
}

#[tokio::test]
async fn a_watermark_of_another_event_than_the_log_has_is_not_believed_when_the_log_has_grown() {
    let (mut stack, process) = stack_with_a_recorder().await;
    let head = stack.append_many(10).await;
    stack.relay(0, head).await;
    stack.expect_equal_to_log(head).await;
    let later = stack.append_many(10).await;
    // As if nothing of it were for the read model: that such a range is there is looked up a moment later.
    let mut of_another_past = stack.watermark(head, later).await;
    of_another_past.keys = all_of_users(head, later);
    of_another_past.event_id = Some(Uuid::new_v4());
    stack.publish_watermark(&of_another_past).await;
    stack.expect_equal_to_log(later).await;
    assert_eq!(process.healed_ranges().await, 1);
}
