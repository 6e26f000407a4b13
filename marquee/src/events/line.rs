//! An event as a line: for eyes, or as a JSON object.

use chrono::{DateTime, Utc};
use domain::Envelope;
use serde_json::{Map, Value, json};

use crate::table::printable;

/// The time of day and the date, to the millisecond, in UTC.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S%.3fZ").to_string()
}

/// Position, time, type, stream, sequence, payload.
pub(crate) fn text(event: &Envelope) -> String {
    let mut payload = payload(event);
    if let Some(fields) = payload.as_object_mut() {
        // They stand in the line already.
        fields.remove("id");
        fields.remove("type");
    }
    printable(&format!(
        "{:>7}  {}  {:<28}  {}/{}  #{}  {payload}",
        event.position.0,
        time(event.recorded_at),
        event.event_type,
        event.aggregate_type,
        event.aggregate_id,
        event.sequence.0,
    ))
}

/// Everything that is known of the event.
pub(crate) fn object(event: &Envelope) -> Value {
    json!({
        "position": event.position,
        "recorded_at": event.recorded_at,
        "event_type": event.event_type,
        "event_version": event.event_version,
        "aggregate_type": event.aggregate_type,
        "aggregate_id": event.aggregate_id,
        "sequence": event.sequence,
        "event_id": event.event_id,
        "log_id": event.log_id,
        "payload": payload(event),
        "metadata": event.metadata,
    })
}

/// The database promises an object.
fn payload(event: &Envelope) -> Value {
    serde_json::from_str(&event.payload).unwrap_or(Value::Object(Map::new()))
}
