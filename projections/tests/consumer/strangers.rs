//! What the relay has not sent, or what is not true: none of it has an effect.

use std::collections::BTreeMap;

use domain::Position;
use event_bus::{KeyTotal, Watermark};
use projections::ConsumerArgs;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::process::{Process, args};
use crate::recorder::Recorder;
use crate::stack::Stack;
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

/// The reasons told of what is kept aside, the latest first.
async fn kept_aside(process: &Process) -> Vec<String> {
    let url = format!("{}/projections/recorder/foreign-messages", process.url);
    let kept: Value = reqwest::get(url).await.expect("an answer").json().await.expect("JSON");
    let items = kept["items"].as_array().expect("a page");
    items
        .iter()
        .map(|item| item["reason"].as_str().expect("a reason").to_owned())
        .collect()
}

#[tokio::test]
async fn each_kind_of_strangers_messages_is_kept_aside_with_the_reason() {
    let (mut stack, process) = stack_with_a_recorder().await;
    let head = stack.append_many(10).await;
    stack.publish_range(0, head).await;
    let ours = json!({"content_type": "application/json", "app_id": "marquee", "type": "movie.announced"});
    let mut wrong_type = ours.clone();
    wrong_type["content_type"] = "text/plain".into();
    let huge = format!(r#"{{"id": "{}"}}"#, "x".repeat(2 * 1024 * 1024));
    let table = [
        (
            wrong_type,
            "{}".to_owned(),
            "the property content_type is not what it should be",
        ),
        (json!({}), "{}".to_owned(), "the property app_id is missing"),
        (
            ours.clone(),
            r#"{"id": "1"}"#.to_owned(),
            "the property message_id is missing",
        ),
        (ours.clone(), huge, "the body is too large"),
    ];
    let mut expected: Vec<String> = Vec::new();
    for (properties, body, reason) in table {
        stack.vhost.publish("movie", "movie.announced", properties, &body).await;
        expected.insert(0, reason.to_owned());
    }
    let mut with_id = ours;
    with_id["message_id"] = Uuid::new_v4().to_string().into();
    stack
        .vhost
        .publish("movie", "movie.announced", with_id, "\u{0}garbage")
        .await;
    expected.insert(0, "the body is not an event's JSON object".to_owned());
    stack.close(0, head).await;
    stack.expect_equal_to_log(head).await;
    assert_eq!(kept_aside(&process).await, expected);
}

#[tokio::test]
async fn a_forged_event_at_a_position_of_the_log_has_no_effect_whether_it_comes_first_or_last() {
    let (mut stack, process) = stack_with_a_recorder().await;
    let head = stack.append_many(8).await;
    let events = stack.events(0, head).await;
    let forged = |place: usize| {
        let mut forged = events[place].clone();
        forged.event_id = Uuid::new_v4();
        forged.payload = forged.payload.replace("2026", "1999");
        forged
    };
    stack.publish(&forged(0)).await;
    stack.publish_range(0, head).await;
    stack.publish(&forged(2)).await;
    stack.close(0, head).await;
    stack.expect_equal_to_log(head).await;
    assert_eq!(
        process.healed_ranges().await,
        1,
        "nothing of the range is believed but the log"
    );
    assert_eq!(
        kept_aside(&process).await,
        [
            "of two events at position 3 one is forged",
            "of two events at position 1 one is forged"
        ]
    );
    let later = stack.append_many(5).await;
    stack.relay(head, later).await;
    stack.expect_equal_to_log(later).await;
    assert_eq!(process.healed_ranges().await, 1);
}

#[tokio::test]
async fn an_event_of_a_type_that_the_log_has_nowhere_has_no_effect() {
    let (mut stack, _process) = stack_with_a_recorder().await;
    let head = stack.append_many(8).await;
    let mut unknown = stack.events(0, 1).await.remove(0);
    unknown.event_id = Uuid::new_v4();
    unknown.position = Position(head);
    unknown.event_type = "movie.renamed".to_owned();
    unknown.payload = unknown.payload.replace("movie.premiere.rescheduled", "movie.renamed");
    stack.publish(&unknown).await;
    stack.relay(0, head).await;
    stack.expect_equal_to_log(head).await;
}

#[tokio::test]
async fn forged_positions_that_never_come_do_not_fill_the_consumer_for_good() {
    let stack = Stack::start().await;
    let few = ConsumerArgs {
        prefetch: 300,
        ..args()
    };
    let process = stack.serve_with(Recorder::default(), few).await;
    let mut stack = stack;
    process.reach_state("waiting").await;
    let head = stack.append_many(5).await;
    let genuine = stack.events(0, 1).await.remove(0);
    for nr in 0..700 {
        let mut forged = genuine.clone();
        (forged.event_id, forged.position) = (Uuid::new_v4(), Position(i64::MAX - nr));
        stack.publish(&forged).await;
    }
    stack.relay(0, head).await;
    stack.expect_equal_to_log(head).await;
    let later = stack.append_many(10).await;
    let healed = process.healed_ranges().await;
    stack.relay(head, later).await;
    stack.expect_equal_to_log(later).await;
    assert_eq!(process.healed_ranges().await, healed, "from then on the bus is enough");
}
