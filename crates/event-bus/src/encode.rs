//! From an envelope or a watermark to the message on the wire.

use chrono::SecondsFormat;
use domain::Envelope;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::topology::{ENTITY_EXCHANGES, WATERMARK_EXCHANGE};
use crate::wire;
use crate::{BusError, Watermark};

/// How long the sign of life of an idle relay is worth keeping, in milliseconds: it must not fill the queue of a
/// projection that is away.
const SIGN_OF_LIFE_EXPIRATION_MS: &str = "10000";

/// A message ready to be published.
pub(crate) struct Outgoing {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
}

/// Makes the message of an event.
///
/// # Errors
/// [`BusError::Unpublishable`] when there is no exchange for it or its type cannot be a routing key: such a row does
/// not come from our code, and no retry will change it.
pub(crate) fn event(envelope: &Envelope) -> Result<Outgoing, BusError> {
    let refused = |reason| BusError::Unpublishable {
        position: envelope.position,
        reason,
    };
    let exchange = ENTITY_EXCHANGES
        .into_iter()
        .find(|exchange| *exchange == envelope.aggregate_type)
        .ok_or_else(|| refused("its aggregate type has no exchange"))?;
    if envelope.event_type.split('.').next() != Some(exchange) {
        return Err(refused("its event type does not begin with its aggregate type"));
    }
    if envelope.payload.len() > wire::BODY_BYTES_MAX {
        return Err(refused("its payload is too large"));
    }
    let routing_key = short(&envelope.event_type).ok_or_else(|| refused("its event type is too long"))?;

    let seconds = u64::try_from(envelope.recorded_at.timestamp()).unwrap_or(0);
    let mut properties = common(routing_key.clone())
        .with_message_id(short_of_uuid(envelope.event_id))
        .with_timestamp(seconds)
        .with_headers(headers(envelope));
    if let Some(id) = envelope.metadata.correlation_id.as_deref().and_then(short) {
        properties = properties.with_correlation_id(id);
    }
    Ok(Outgoing {
        exchange: exchange.into(),
        routing_key,
        properties,
        body: envelope.payload.clone().into_bytes(),
    })
}

/// Makes the message of a watermark. That of an empty range expires: it says no more than that the relay lives.
pub(crate) fn watermark(watermark: &Watermark) -> Outgoing {
    let body = serde_json::to_vec(watermark).expect("a watermark has no key that JSON cannot hold");
    let mut properties = common(wire::WATERMARK_TYPE.into());
    if watermark.from == watermark.to {
        properties = properties.with_expiration(SIGN_OF_LIFE_EXPIRATION_MS.into());
    }
    Outgoing {
        exchange: WATERMARK_EXCHANGE.into(),
        routing_key: ShortString::default(),
        properties,
        body,
    }
}

fn common(message_type: ShortString) -> BasicProperties {
    BasicProperties::default()
        .with_app_id(wire::APP_ID.into())
        .with_content_type(wire::CONTENT_TYPE.into())
        .with_delivery_mode(wire::PERSISTENT)
        .with_type(message_type)
}

fn headers(envelope: &Envelope) -> FieldTable {
    let mut headers = FieldTable::default();
    let mut text = |name: &'static str, value: &str| {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    };
    text(wire::LOG_ID, &envelope.log_id.to_string());
    text(wire::EVENT_VERSION, &envelope.event_version);
    text(wire::CLOUD_EVENTS_SPECVERSION, wire::CLOUD_EVENTS_VERSION);
    text(wire::CLOUD_EVENTS_ID, &envelope.event_id.to_string());
    // Ids of streams are chosen per kind: user 1 and movie 1 are two sources of one subject.
    let source = [wire::CLOUD_EVENTS_CONTEXT, &envelope.aggregate_type].join("/");
    text(wire::CLOUD_EVENTS_SOURCE, &source);
    text(wire::CLOUD_EVENTS_TYPE, &envelope.event_type);
    text(wire::CLOUD_EVENTS_SUBJECT, &envelope.aggregate_id);
    text(
        wire::CLOUD_EVENTS_TIME,
        &envelope.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true),
    );
    let optional = [
        (wire::CAUSATION_ID, &envelope.metadata.causation_id),
        (wire::TRACEPARENT, &envelope.metadata.traceparent),
    ];
    for (name, value) in optional {
        if let Some(value) = value
            .as_deref()
            .filter(|value| value.len() <= wire::OPTIONAL_HEADER_BYTES_MAX)
        {
            text(name, value);
        }
    }
    headers.insert(wire::POSITION.into(), AMQPValue::LongLongInt(envelope.position.0));
    headers.insert(wire::SEQUENCE.into(), AMQPValue::LongLongInt(envelope.sequence.0));
    headers
}

fn short(text: &str) -> Option<ShortString> {
    ShortString::try_new(text).ok()
}

fn short_of_uuid(id: uuid::Uuid) -> ShortString {
    short(&id.to_string()).expect("a UUID has 36 characters")
}
