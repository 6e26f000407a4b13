//! A row of the log becomes an envelope: the one decoding behind relay, healing and rebuild.

use chrono::{DateTime, Utc};
use domain::{Envelope, Metadata, Position, Sequence};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row};

/// A row selected with the columns of [`crate::log_reader`]'s statements.
pub(crate) struct EnvelopeRow(pub(crate) Envelope);

impl FromRow<'_, PgRow> for EnvelopeRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let aggregate_id: String = row.try_get("aggregate_id")?;
        let Json(metadata): Json<Metadata> = row.try_get("metadata")?;
        Ok(Self(Envelope {
            log_id: row.try_get("log_id")?,
            position: Position(row.try_get("position")?),
            event_id: row.try_get("event_id")?,
            aggregate_type: row.try_get("aggregate_type")?,
            sequence: Sequence(row.try_get("sequence")?),
            event_type: row.try_get("event_type")?,
            event_version: row.try_get("event_version")?,
            payload: with_id(&aggregate_id, row.try_get("payload")?),
            aggregate_id,
            metadata,
            recorded_at: row.try_get::<DateTime<Utc>, _>("recorded_at")?,
        }))
    }
}

/// Puts the aggregate's id in front of a JSON object's fields.
///
/// The text is spliced, not parsed: the column's constraint promises an object, and an id needs no escaping, for it
/// is of `[A-Za-z0-9_-]`. A row that broke the latter rule is escaped all the same.
fn with_id(aggregate_id: &str, object: &str) -> String {
    let id = serde_json::Value::from(aggregate_id);
    match object.strip_prefix('{').map(str::trim_start) {
        Some("}") | None => format!(r#"{{"id": {id}}}"#),
        Some(fields) => format!(r#"{{"id": {id}, {fields}"#),
    }
}

#[cfg(test)]
mod tests {
    use super::with_id;

    #[test]
    fn the_id_comes_first_and_the_fields_stay() {
        assert_eq!(
            with_id("1", r#"{"type": "user.created", "n": 1}"#),
            r#"{"id": "1", "type": "user.created", "n": 1}"#
        );
        assert_eq!(with_id("1", "{}"), r#"{"id": "1"}"#);
    }

    #[test]
    fn a_strange_id_is_escaped() {
        assert_eq!(with_id("a\"b", "{}"), r#"{"id": "a\"b"}"#);
    }
}
