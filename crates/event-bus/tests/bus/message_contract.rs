//! The page and the message are one: a real message is read with a plain client and compared with the page's tables.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use dev_stack::TestVhost;
use domain::{Envelope, KNOWN_EVENTS, Metadata, Position, Sequence, UserEvent};
use event_bus::{ENTITY_EXCHANGES, Publisher, Subscriber, UNROUTED_POLICY};
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::AMQPValue;
use serde_json::Value;
use uuid::uuid;

use crate::event::{LOG_ID, Stranger, event, queue, take, url, watermark};
use crate::page::{example, section, table};

/// The event of the page's examples, with or without what is optional.
fn example_event(metadata: Metadata) -> Envelope {
    Envelope {
        position: Position(42),
        sequence: Sequence(2),
        event_id: "0192f0c4-7a51-7cc3-98c4-dc0c0c07398f".parse().expect("a UUID"),
        payload: example("Routing keys and bodies").into(),
        metadata,
        ..event(42, "user.profile.updated")
    }
}

fn full_metadata() -> Metadata {
    Metadata {
        correlation_id: Some("req-7".into()),
        causation_id: Some("cmd-7".into()),
        principal: Some("somebody".into()),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
    }
}

async fn publish(vhost: &TestVhost, queue: &str, envelope: &Envelope) -> Delivery {
    let stranger = Stranger::connect(&vhost.amqp_url()).await;
    let mut publisher = Publisher::open(&url(&vhost.amqp_url()), "test")
        .await
        .expect("a publisher");
    stranger.bind(queue, &[("user", "user.profile.*")]).await;
    let mut consumer = stranger.consume(queue).await;
    publisher
        .publish(envelope)
        .await
        .expect("published")
        .await
        .expect("confirmed");
    let delivery = take(&mut consumer).await;
    publisher.close().await;
    delivery
}

fn properties(properties: &BasicProperties) -> BTreeMap<&'static str, String> {
    let text = |value: &Option<lapin::types::ShortString>| value.as_ref().map(ToString::to_string);
    let all = [
        ("content_type", text(properties.content_type())),
        ("content_encoding", text(properties.content_encoding())),
        ("delivery_mode", properties.delivery_mode().map(|mode| mode.to_string())),
        ("priority", properties.priority().map(|priority| priority.to_string())),
        ("correlation_id", text(properties.correlation_id())),
        ("reply_to", text(properties.reply_to())),
        ("expiration", text(properties.expiration())),
        ("message_id", text(properties.message_id())),
        (
            "timestamp",
            properties.timestamp().map(|timestamp| timestamp.to_string()),
        ),
        ("type", text(properties.kind())),
        ("user_id", text(properties.user_id())),
        ("app_id", text(properties.app_id())),
        ("cluster_id", text(properties.cluster_id())),
    ];
    all.into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Type, letter on the wire and value of each header.
fn headers(properties: &BasicProperties) -> BTreeMap<String, [String; 3]> {
    let headers = properties.headers().clone().unwrap_or_default();
    let typed = |value: &AMQPValue| {
        let (kind, text) = match value {
            AMQPValue::LongString(text) => ("long string", text.to_string()),
            AMQPValue::LongLongInt(number) => ("long long int", number.to_string()),
            other => panic!("no type of the page: {other:?}"),
        };
        [kind.to_owned(), value.get_type().get_id().to_string(), text]
    };
    headers
        .inner()
        .iter()
        .map(|(name, value)| (name.to_string(), typed(value)))
        .collect()
}

#[tokio::test]
async fn a_message_has_the_properties_and_headers_of_the_page() {
    let vhost = TestVhost::create().await;
    let full = publish(&vhost, "full", &example_event(full_metadata())).await;
    let plain = publish(&vhost, "plain", &example_event(Metadata::default())).await;

    for (delivery, with_optional) in [(&full, true), (&plain, false)] {
        let expected: BTreeMap<String, String> = table("Properties")
            .into_iter()
            .filter(|row| with_optional || row[1] == "yes")
            .map(|row| (row[0].clone(), row[2].clone()))
            .collect();
        let sent = properties(&delivery.properties);
        let sent: BTreeMap<String, String> = sent
            .into_iter()
            .filter(|(name, _)| *name != "headers")
            .map(|(name, value)| (name.into(), value))
            .collect();
        assert_eq!(sent, expected);

        let expected: BTreeMap<String, [String; 3]> = table("Headers")
            .into_iter()
            .filter(|row| with_optional || row[3] == "yes")
            .map(|row| (row[0].clone(), [&row[1], &row[2], &row[4]].map(Clone::clone)))
            .collect();
        assert_eq!(headers(&delivery.properties), expected);
    }
    assert_eq!(full.routing_key.as_str(), "user.profile.updated");
    assert_eq!(
        String::from_utf8(full.data).expect("text"),
        example("Routing keys and bodies")
    );
}

#[tokio::test]
async fn the_source_of_an_event_tells_its_kind_of_stream_so_that_equal_ids_are_two() {
    let vhost = TestVhost::create().await;
    let stranger = Stranger::connect(&vhost.amqp_url()).await;
    let mut publisher = Publisher::open(&url(&vhost.amqp_url()), "test")
        .await
        .expect("a publisher");
    let all = ENTITY_EXCHANGES.map(|exchange| (exchange, "#"));
    stranger.bind("all", &all).await;
    let mut consumer = stranger.consume("all").await;
    for (position, exchange) in (1..).zip(ENTITY_EXCHANGES) {
        let envelope = event(position, &format!("{exchange}.ended"));
        publisher
            .publish(&envelope)
            .await
            .expect("published")
            .await
            .expect("confirmed");
        let headers = headers(&take(&mut consumer).await.properties);
        let of = |name: &str| headers[name][2].clone();
        assert_eq!(of("cloudEvents_source"), format!("/marquee/{exchange}"));
        assert_eq!(of("cloudEvents_subject"), "1");
    }
    publisher.close().await;
}

#[test]
fn an_absent_address_means_none_and_none_is_never_sent_as_null() {
    let sent = r#"{"id": "1", "type": "user.profile.updated", "full_name": "usama"}"#;
    assert_eq!(sent, example("Routing keys and bodies"));
    let decoded = domain::Event::decode("user.profile.updated", "1", sent).expect("known");
    let domain::Event::User(profile @ UserEvent::ProfileUpdated { email: None, .. }) = decoded else {
        panic!("an address came of nothing")
    };
    let recorded = serde_json::to_value(profile).expect("JSON");
    assert!(recorded.get("email").is_none());
}

#[tokio::test]
async fn a_watermark_is_as_the_page_shows_it() {
    let vhost = TestVhost::create().await;
    let stranger = Stranger::connect(&vhost.amqp_url()).await;
    let mut publisher = Publisher::open(&url(&vhost.amqp_url()), "test")
        .await
        .expect("a publisher");
    stranger.bind("marks", &[("watermark", "")]).await;
    let mut consumer = stranger.consume("marks").await;

    let mut closed = watermark(40, 42, &[("movie.announced", 1, 41), ("user.profile.updated", 1, 42)]);
    closed.event_id = Some(uuid!("6ba7b811-9dad-41d1-80b4-00c04fd430c8"));
    closed.recorded_at = DateTime::from_timestamp_micros(1_700_000_000_123_456);
    publisher
        .publish_watermark(&closed)
        .await
        .expect("published")
        .await
        .expect("confirmed");
    publisher
        .publish_watermark(&watermark(42, 42, &[]))
        .await
        .expect("published")
        .await
        .expect("confirmed");

    let shown = take(&mut consumer).await;
    assert_eq!(
        String::from_utf8(shown.data.clone()).expect("text"),
        example("Watermarks")
    );
    let expected = [
        ("app_id", "marquee"),
        ("content_type", "application/json"),
        ("delivery_mode", "2"),
        ("type", "watermark"),
    ];
    assert_eq!(
        properties(&shown.properties),
        expected.map(|(name, value)| (name, value.to_owned())).into()
    );
    assert!(headers(&shown.properties).is_empty());
    let alive = take(&mut consumer).await;
    assert_eq!(
        properties(&alive.properties).get("expiration").map(String::as_str),
        Some("10000")
    );
}

#[tokio::test]
async fn exchanges_and_queues_are_those_of_the_page() {
    let vhost = TestVhost::create().await;
    let spec = queue("users.v1", &[("user", "user.#")]);
    let subscriber = Subscriber::open(&url(&vhost.amqp_url()), &spec, "test")
        .await
        .expect("a subscriber");
    event_bus::declare_topology(&url(&vhost.amqp_url()), "test")
        .await
        .expect("declared");

    let declared: BTreeSet<(String, String, bool)> = vhost
        .exchanges()
        .await
        .into_iter()
        .map(|exchange| (exchange.name, exchange.kind, exchange.durable))
        .collect();
    let documented = table("Exchanges")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone(), row[2] == "yes"));
    assert_eq!(declared, documented.collect());
    assert!(
        vhost
            .exchanges()
            .await
            .iter()
            .all(|exchange| exchange.arguments.is_empty())
    );

    for (row, name) in table("Queues").iter().zip(["users.v1", "unrouted"]) {
        let queue = vhost.queue(name).await.expect("the queue is there");
        let arguments: BTreeSet<String> = queue
            .arguments
            .iter()
            .map(|(name, value)| {
                format!(
                    "`{name}` = `{}`",
                    value.as_str().map_or(value.to_string(), str::to_owned)
                )
            })
            .collect();
        // The outer backticks of the cell were trimmed.
        let documented = format!("`{}`", row[2]);
        assert_eq!(arguments, documented.split(", ").map(str::to_owned).collect());
        assert!(queue.durable);
    }
    subscriber.close().await;
}

#[test]
fn the_list_of_events_is_the_domains() {
    let documented: BTreeMap<(String, String), String> = table("Routing keys and bodies")
        .into_iter()
        .map(|row| ((row[0].clone(), row[1].clone()), row[2].clone()))
        .collect();
    let known: BTreeSet<_> = KNOWN_EVENTS
        .iter()
        .map(|(name, version)| (name.to_string(), version.to_string()))
        .collect();
    assert_eq!(documented.keys().cloned().collect::<BTreeSet<_>>(), known);

    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../domain/tests/golden");
    for ((name, version), fields) in documented {
        let sample = std::fs::read_to_string(samples.join(format!("{name}.v{version}.json"))).expect("a golden sample");
        let sample: BTreeMap<String, Value> = serde_json::from_str(&sample).expect("an object");
        let listed: Vec<&str> = fields.split(", ").filter(|field| !field.is_empty()).collect();
        let bare: BTreeSet<&str> = listed.iter().map(|field| field.trim_matches(['`', '?'])).collect();
        for field in sample.keys().filter(|field| *field != "type") {
            assert!(bare.contains(field.as_str()), "{name}: the page does not list {field}");
        }
        for field in listed.iter().filter(|field| !field.ends_with('?')) {
            assert!(
                sample.contains_key(field.trim_matches('`')),
                "{name}: {field} is not always there"
            );
        }
    }
}

#[test]
fn the_policy_of_the_page_is_the_one_that_is_set() {
    let policy: Value = serde_json::from_str(UNROUTED_POLICY.body).expect("JSON");
    let shown = section("Queues");
    assert!(shown.contains(UNROUTED_POLICY.name));
    assert!(shown.contains(policy["pattern"].as_str().expect("a pattern")));
    assert!(shown.contains(&policy["definition"].to_string()));
    assert_eq!(policy["pattern"], format!("^({})$", ENTITY_EXCHANGES.join("|")));
    assert_eq!(LOG_ID.to_string(), table("Headers")[0][4]);
}
