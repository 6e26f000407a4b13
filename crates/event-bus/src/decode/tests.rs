//! What is published comes back as it was; whatever else arrives is foreign and does no harm.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Envelope, Metadata, Position, Sequence};
use lapin::BasicProperties;
use lapin::message::Delivery as RawDelivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use uuid::Uuid;

use super::message;
use crate::encode::{self, Outgoing};
use crate::{KeyTotal, Message, Watermark, wire};

fn envelope() -> Envelope {
    Envelope {
        log_id: Uuid::from_u128(7),
        position: Position(42),
        event_id: Uuid::from_u128(8),
        aggregate_type: "user".into(),
        aggregate_id: "1".into(),
        sequence: Sequence(2),
        event_type: "user.profile.updated".into(),
        event_version: "1".into(),
        payload: r#"{"id": "1", "type": "user.profile.updated", "full_name": "usama"}"#.into(),
        metadata: Metadata {
            correlation_id: Some("request".into()),
            causation_id: Some("command".into()),
            principal: None,
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        },
        recorded_at: DateTime::from_timestamp_micros(1_700_000_000_123_456).expect("a time"),
    }
}

fn raw(sent: Outgoing) -> RawDelivery {
    let mut raw = RawDelivery::mock(1, sent.exchange, sent.routing_key, false, sent.body);
    raw.properties = sent.properties;
    raw
}

fn received(envelope: &Envelope) -> Message {
    message(raw(encode::event(envelope).expect("publishable")))
}

/// An event's message, with one thing changed.
fn foreign(change: impl FnOnce(&mut RawDelivery)) -> String {
    let mut raw = raw(encode::event(&envelope()).expect("publishable"));
    change(&mut raw);
    match message(raw) {
        Message::Foreign { reason, .. } => reason,
        other => panic!("taken for ours: {other:?}"),
    }
}

fn with_header(raw: &mut RawDelivery, name: &'static str, value: Option<AMQPValue>) {
    let mut headers: BTreeMap<ShortString, AMQPValue> =
        raw.properties.headers().clone().unwrap_or_default().inner().clone();
    match value {
        Some(value) => headers.insert(name.into(), value),
        None => headers.remove(name),
    };
    raw.properties = raw.properties.clone().with_headers(headers.into());
}

#[test]
fn a_broken_body_is_foreign() {
    let bodies: [&[u8]; 9] = [
        b"",
        b"garbage",
        b"[]",
        b"null",
        br#"{"id": 1}"#,
        br#"{"full_name": "no id"}"#,
        br#"{"id": "1", "type": "user.created"}"#,
        b"{\"id\": \"1\", \"name\": \"\xff\"}",
        &[b'['; 100_000],
    ];
    for body in bodies {
        foreign(|raw| raw.data = body.to_vec());
    }
    let huge = format!(r#"{{"id": "1", "x": "{}"}}"#, "x".repeat(wire::BODY_BYTES_MAX));
    assert_eq!(foreign(|raw| raw.data = huge.into_bytes()), "the body is too large");
}

#[test]
fn a_message_without_our_properties_is_foreign() {
    foreign(|raw| raw.properties = BasicProperties::default());
    foreign(|raw| raw.properties = raw.properties.clone().with_app_id("other".into()));
    foreign(|raw| raw.properties = raw.properties.clone().with_content_type("text/plain".into()));
    foreign(|raw| raw.properties = raw.properties.clone().with_type("user.created".into()));
    foreign(|raw| raw.properties = raw.properties.clone().with_message_id("no uuid".into()));
}

#[test]
fn a_missing_or_wrong_header_is_foreign_and_named() {
    let required = [
        wire::LOG_ID,
        wire::POSITION,
        wire::SEQUENCE,
        wire::EVENT_VERSION,
        wire::CLOUD_EVENTS_TIME,
    ];
    for name in required {
        assert!(foreign(|raw| with_header(raw, name, None)).contains(name));
    }
    for name in [wire::CAUSATION_ID, wire::TRACEPARENT].into_iter().chain(required) {
        assert!(foreign(|raw| with_header(raw, name, Some(AMQPValue::Boolean(true)))).contains(name));
    }
    for position in [
        AMQPValue::LongLongInt(0),
        AMQPValue::LongLongInt(-1),
        AMQPValue::LongString("1".into()),
    ] {
        foreign(|raw| with_header(raw, wire::POSITION, Some(position)));
    }
    for text in [&b"\xff\xfe"[..], b"", b"yesterday"] {
        foreign(|raw| with_header(raw, wire::CLOUD_EVENTS_TIME, Some(AMQPValue::LongString(text.into()))));
    }
}

#[test]
fn a_message_on_the_wrong_exchange_is_foreign() {
    foreign(|raw| raw.exchange = "".into());
    foreign(|raw| raw.exchange = "movie".into());
    foreign(|raw| raw.exchange = "watermark".into());
    foreign(|raw| raw.routing_key = "movie.announced".into());
}

#[test]
fn a_reason_never_repeats_what_the_message_holds() {
    let reason = foreign(|raw| raw.data = br#"{"id": 1, "full_name": "usama"}"#.to_vec());
    assert!(!reason.contains("usama"));
}

#[test]
fn numbers_narrowed_on_the_way_are_still_read() {
    let mut raw = raw(encode::event(&envelope()).expect("publishable"));
    with_header(&mut raw, wire::POSITION, Some(AMQPValue::ShortShortUInt(42)));
    with_header(&mut raw, wire::SEQUENCE, Some(AMQPValue::LongInt(2)));
    assert_eq!(message(raw), Message::Event(envelope()));
}

#[test]
fn the_principal_stays_in_the_log() {
    let mut recorded = envelope();
    recorded.metadata.principal = Some("somebody".into());
    assert_eq!(received(&recorded), Message::Event(envelope()));
}

#[test]
fn what_does_not_fit_on_the_wire_is_left_out_and_stops_nothing() {
    let mut recorded = envelope();
    recorded.metadata.correlation_id = Some("x".repeat(256));
    recorded.metadata.traceparent = Some("x".repeat(wire::OPTIONAL_HEADER_BYTES_MAX + 1));
    let mut expected = envelope();
    (expected.metadata.correlation_id, expected.metadata.traceparent) = (None, None);
    assert_eq!(received(&recorded), Message::Event(expected));
}

#[test]
fn an_event_without_an_exchange_or_a_routing_key_is_unpublishable() {
    let refused = |change: fn(&mut Envelope)| {
        let mut envelope = envelope();
        change(&mut envelope);
        encode::event(&envelope).err().expect("refused").to_string()
    };
    assert!(refused(|envelope| envelope.aggregate_type = "planet".into()).contains("position 42"));
    refused(|envelope| envelope.event_type = "movie.announced".into());
    refused(|envelope| envelope.event_type = format!("user.{}", "x".repeat(255)));
    refused(|envelope| envelope.payload = "x".repeat(wire::BODY_BYTES_MAX + 1));
}

#[test]
fn a_watermark_comes_back_as_it_was() {
    let keys = BTreeMap::from([("user.created".to_owned(), KeyTotal { count: 2, sum: 3 })]);
    let recorded_at = Some(envelope().recorded_at);
    let closed = Watermark {
        log_id: Uuid::from_u128(7),
        from: Position(0),
        to: Position(2),
        keys,
        event_id: Some(Uuid::from_u128(9)),
        recorded_at,
    };
    assert_eq!(
        message(raw(encode::watermark(&closed))),
        Message::Watermark(closed.clone())
    );
    let alive = Watermark {
        from: Position(2),
        keys: BTreeMap::new(),
        ..closed
    };
    assert_eq!(message(raw(encode::watermark(&alive))), Message::Watermark(alive));
}

#[test]
fn a_watermark_of_a_relay_that_did_not_tell_the_event_is_understood() {
    let body = r#"{"log_id":"00000000-0000-0000-0000-000000000007","from":1,"to":1,"keys":{},"recorded_at":null}"#;
    let watermark: Watermark = serde_json::from_str(body).expect("a watermark");
    assert_eq!((watermark.to, watermark.event_id), (Position(1), None));
}

#[test]
fn a_watermark_that_contradicts_itself_is_foreign() {
    let keys = BTreeMap::from([("user.created".to_owned(), KeyTotal { count: 1, sum: 3 })]);
    let forged = Watermark {
        log_id: Uuid::nil(),
        from: Position(0),
        to: Position(2),
        keys,
        event_id: None,
        recorded_at: None,
    };
    assert!(matches!(
        message(raw(encode::watermark(&forged))),
        Message::Foreign { .. }
    ));
}

fn any_value() -> impl Strategy<Value = AMQPValue> {
    prop_oneof![
        any::<i64>().prop_map(AMQPValue::LongLongInt),
        any::<u32>().prop_map(AMQPValue::LongUInt),
        any::<f64>().prop_map(AMQPValue::Double),
        any::<bool>().prop_map(AMQPValue::Boolean),
        any::<Vec<u8>>().prop_map(|bytes| AMQPValue::LongString(bytes.into())),
        any::<u64>().prop_map(AMQPValue::Timestamp),
        Just(AMQPValue::Void),
        Just(AMQPValue::FieldTable(FieldTable::default())),
        Just(AMQPValue::FieldArray(vec![AMQPValue::Void].into())),
    ]
}

proptest! {
    #[test]
    fn an_envelope_comes_back_as_it_was(
        (position, sequence) in (1..=i64::MAX, 1..=i64::MAX),
        micros in 0..=4_000_000_000_000_000_i64,
        name in ".{0,50}",
        (correlation_id, causation_id) in (any::<Option<String>>(), any::<Option<String>>()),
    ) {
        let mut sent = envelope();
        sent.position = Position(position);
        sent.sequence = Sequence(sequence);
        sent.recorded_at = DateTime::<Utc>::from_timestamp_micros(micros).expect("in range");
        sent.payload = serde_json::json!({"id": "1", "full_name": name}).to_string();
        sent.metadata.correlation_id = correlation_id.filter(|id| id.len() <= 255);
        sent.metadata.causation_id = causation_id;
        prop_assert_eq!(received(&sent), Message::Event(sent));
    }

    #[test]
    fn no_message_does_harm(
        exchange in prop_oneof![Just("user"), Just("watermark"), Just("unknown")],
        key in ".{0,60}",
        value in any_value(),
        which in 0..6_usize,
        body in any::<Vec<u8>>(),
        ours in any::<bool>(),
    ) {
        let names = [
            wire::LOG_ID, wire::POSITION, wire::SEQUENCE, wire::EVENT_VERSION, wire::CAUSATION_ID, wire::CLOUD_EVENTS_TIME,
        ];
        let mut raw = raw(encode::event(&envelope()).expect("publishable"));
        with_header(&mut raw, names[which], Some(value));
        if !ours {
            raw.exchange = exchange.into();
            raw.routing_key = ShortString::try_new(key).unwrap_or_default();
            raw.data = body;
        }
        let read = message(raw);
        let foreign = matches!(read, Message::Foreign { .. });
        prop_assert!(ours || foreign);
    }
}
