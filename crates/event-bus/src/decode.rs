//! From a message on the wire to what it says. Whatever arrives, the answer is a [`Message`]: anybody may publish.

use chrono::{DateTime, Utc};
use domain::{Envelope, Metadata, Position, Sequence};
use lapin::BasicProperties;
use lapin::message::Delivery as RawDelivery;
use lapin::types::{AMQPValue, ShortString};
use serde::Deserialize;
use uuid::Uuid;

use crate::topology::{ENTITY_EXCHANGES, WATERMARK_EXCHANGE};
use crate::wire;
use crate::{Message, Origin, Watermark};

/// Reads a delivery.
pub(crate) fn message(mut raw: RawDelivery) -> Message {
    let (exchange, routing_key) = (raw.exchange.as_str(), raw.routing_key.as_str());
    let read = if exchange == WATERMARK_EXCHANGE {
        watermark(&raw.properties, &raw.data).map(Message::Watermark)
    } else if ENTITY_EXCHANGES.contains(&exchange) {
        event(exchange, routing_key, &raw.properties, &mut raw.data).map(Message::Event)
    } else {
        Err("it was not published to an exchange of ours".into())
    };
    read.unwrap_or_else(|reason| Message::Foreign {
        reason,
        origin: Box::new(Origin::new(exchange, routing_key, &raw.properties, &raw.data)),
    })
}

/// Why a message is not one of ours. Names what is wrong, never repeats a value: it may be personal data.
type Reason = String;

/// Takes the body when, and only when, it is an event's.
fn event(
    exchange: &str,
    routing_key: &str,
    properties: &BasicProperties,
    body: &mut Vec<u8>,
) -> Result<Envelope, Reason> {
    common(properties, body, routing_key)?;
    if routing_key.split('.').next() != Some(exchange) {
        return Err("the routing key does not begin with the name of the exchange".into());
    }
    let event_id = property("message_id", properties.message_id())?;
    let fields: BodyFields = serde_json::from_slice(body).map_err(|_| "the body is not an event's JSON object")?;
    if fields.event_type.is_some_and(|event_type| event_type != routing_key) {
        return Err("the body is of another type than the routing key".into());
    }
    let mut envelope = Envelope {
        log_id: uuid(wire::LOG_ID, text(properties, wire::LOG_ID)?)?,
        position: Position(positive(properties, wire::POSITION)?),
        event_id: uuid("message_id", event_id.as_str())?,
        aggregate_type: exchange.into(),
        aggregate_id: fields.id,
        sequence: Sequence(positive(properties, wire::SEQUENCE)?),
        event_type: routing_key.into(),
        event_version: text(properties, wire::EVENT_VERSION)?.into(),
        payload: String::new(),
        metadata: Metadata {
            correlation_id: properties.correlation_id().as_ref().map(|id| id.as_str().to_owned()),
            causation_id: optional_text(properties, wire::CAUSATION_ID)?.map(str::to_owned),
            principal: None,
            traceparent: optional_text(properties, wire::TRACEPARENT)?.map(str::to_owned),
        },
        recorded_at: time(properties)?,
    };
    envelope.payload = String::from_utf8(std::mem::take(body)).map_err(|invalid| {
        *body = invalid.into_bytes();
        "the body is not UTF-8"
    })?;
    Ok(envelope)
}

/// What the envelope needs to know of the body; the rest is the event's own.
#[derive(Deserialize)]
struct BodyFields {
    id: String,
    #[serde(rename = "type")]
    event_type: Option<String>,
}

fn watermark(properties: &BasicProperties, body: &[u8]) -> Result<Watermark, Reason> {
    common(properties, body, wire::WATERMARK_TYPE)?;
    let watermark: Watermark = serde_json::from_slice(body).map_err(|_| "the body is not a watermark")?;
    if !watermark.is_consistent() {
        return Err("the watermark's keys are not those of its range".into());
    }
    Ok(watermark)
}

fn common(properties: &BasicProperties, body: &[u8], message_type: &str) -> Result<(), Reason> {
    if body.len() > wire::BODY_BYTES_MAX {
        return Err("the body is too large".into());
    }
    let expected = [
        ("app_id", properties.app_id(), wire::APP_ID),
        ("content_type", properties.content_type(), wire::CONTENT_TYPE),
        ("type", properties.kind(), message_type),
    ];
    for (name, value, expected) in expected {
        if property(name, value)?.as_str() != expected {
            return Err(format!("the property {name} is not what it should be"));
        }
    }
    Ok(())
}

fn property<'a>(name: &str, value: &'a Option<ShortString>) -> Result<&'a ShortString, Reason> {
    value.as_ref().ok_or_else(|| format!("the property {name} is missing"))
}

fn header<'a>(properties: &'a BasicProperties, name: &str) -> Option<&'a AMQPValue> {
    properties
        .headers()
        .as_ref()
        .and_then(|headers| headers.inner().get(name))
}

fn optional_text<'a>(properties: &'a BasicProperties, name: &str) -> Result<Option<&'a str>, Reason> {
    let wrong = || format!("the header {name} is not a text");
    match header(properties, name) {
        None | Some(AMQPValue::Void) => Ok(None),
        Some(AMQPValue::LongString(text)) => std::str::from_utf8(text.as_bytes()).map(Some).map_err(|_| wrong()),
        Some(_) => Err(wrong()),
    }
}

fn text<'a>(properties: &'a BasicProperties, name: &str) -> Result<&'a str, Reason> {
    optional_text(properties, name)?.ok_or_else(|| format!("the header {name} is missing"))
}

/// Takes every integer type of AMQP: a program that passes the message on may narrow them.
fn positive(properties: &BasicProperties, name: &str) -> Result<i64, Reason> {
    let value = match header(properties, name) {
        None => return Err(format!("the header {name} is missing")),
        Some(AMQPValue::LongLongInt(value)) => Some(*value),
        Some(AMQPValue::LongInt(value)) => Some(i64::from(*value)),
        Some(AMQPValue::LongUInt(value)) => Some(i64::from(*value)),
        Some(AMQPValue::ShortInt(value)) => Some(i64::from(*value)),
        Some(AMQPValue::ShortUInt(value)) => Some(i64::from(*value)),
        Some(AMQPValue::ShortShortInt(value)) => Some(i64::from(*value)),
        Some(AMQPValue::ShortShortUInt(value)) => Some(i64::from(*value)),
        Some(_) => None,
    };
    value
        .filter(|value| *value > 0)
        .ok_or_else(|| format!("the header {name} is not a positive integer"))
}

fn uuid(name: &str, text: &str) -> Result<Uuid, Reason> {
    Uuid::try_parse(text).map_err(|_| format!("{name} is not a UUID"))
}

fn time(properties: &BasicProperties) -> Result<DateTime<Utc>, Reason> {
    let time = text(properties, wire::CLOUD_EVENTS_TIME)?;
    let time = DateTime::parse_from_rfc3339(time)
        .map_err(|_| format!("the header {} is not a time of RFC 3339", wire::CLOUD_EVENTS_TIME))?;
    Ok(time.with_timezone(&Utc))
}

#[cfg(test)]
mod fuzzing;
#[cfg(test)]
mod tests;
