//! Whatever is delivered, it is one of ours or foreign, and no harm is done.

use lapin::BasicProperties;
use lapin::message::Delivery as RawDelivery;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};

use super::message;
use crate::{Message, wire};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/messages");

/// The headers in the order in which an input has them.
const HEADERS: [&str; 7] = [
    wire::LOG_ID,
    wire::POSITION,
    wire::SEQUENCE,
    wire::EVENT_VERSION,
    wire::CLOUD_EVENTS_TIME,
    wire::CAUSATION_ID,
    wire::TRACEPARENT,
];

/// An input is a line each for exchange, routing key, `app_id`, `content_type`, `type`, `message_id` and the headers, and then
/// the body. Of the properties and headers an empty line stands for one that is not there.
#[test]
fn a_delivery_is_an_event_of_its_exchange_a_consistent_watermark_or_foreign() {
    fuzz::fuzz(CORPUS, |input| {
        let raw = delivery(input);
        let (exchange, routing_key) = (raw.exchange.as_str().to_owned(), raw.routing_key.as_str().to_owned());
        match message(raw) {
            Message::Event(event) => {
                assert_eq!((&event.aggregate_type, &event.event_type), (&exchange, &routing_key));
                assert!(event.position.0 > 0 && event.sequence.0 > 0 && event.payload.len() <= wire::BODY_BYTES_MAX);
                // What a consumer does next.
                format!("event {:?}", event.decode().is_ok())
            }
            Message::Watermark(watermark) => {
                assert!(exchange == "watermark" && watermark.is_consistent());
                format!("watermark of {} keys", watermark.keys.len())
            }
            Message::Foreign { reason, .. } => reason,
        }
    });
}

fn delivery(input: &[u8]) -> RawDelivery {
    let mut parts = input.splitn(7 + HEADERS.len(), |byte| *byte == b'\n');
    let mut next = || parts.next().unwrap_or_default();
    let short = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        ShortString::from(text.chars().take(60).collect::<String>())
    };
    let (exchange, routing_key) = (short(next()), short(next()));
    let mut properties = BasicProperties::default();
    let given = next();
    if !given.is_empty() {
        properties = properties.with_app_id(short(given));
    }
    let given = next();
    if !given.is_empty() {
        properties = properties.with_content_type(short(given));
    }
    let given = next();
    if !given.is_empty() {
        properties = properties.with_type(short(given));
    }
    let given = next();
    if !given.is_empty() {
        properties = properties.with_message_id(short(given));
    }
    let mut headers = FieldTable::default();
    for name in HEADERS {
        let given = next();
        let number = str::from_utf8(given).ok().and_then(|text| text.parse().ok());
        let value = match number {
            Some(number) => AMQPValue::LongLongInt(number),
            None if given.is_empty() => continue,
            None => AMQPValue::LongString(LongString::from(given)),
        };
        headers.insert(name.into(), value);
    }
    let mut raw = RawDelivery::mock(
        1,
        exchange,
        routing_key,
        false,
        parts.next().unwrap_or_default().to_vec(),
    );
    raw.properties = properties.with_headers(headers);
    raw
}
