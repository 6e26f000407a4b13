//! A row of the log becomes an envelope: the one decoding behind relay, healing and rebuild.

use chrono::{DateTime, Utc};
use domain::{Envelope, Metadata, Position, Sequence};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row};

/// A row whose first columns are those of [`crate::log_reader`]'s statements, in their order: by place they are found sooner
/// than by name.
pub(crate) struct EnvelopeRow(pub(crate) Envelope);

impl EnvelopeRow {
    /// How many columns of a row make the envelope.
    pub(crate) const COLUMNS: usize = 11;
}

impl FromRow<'_, PgRow> for EnvelopeRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let aggregate_id: String = row.try_get(3)?;
        // Who has no use for the metadata selects none.
        let metadata: Option<Json<Metadata>> = row.try_get(9)?;
        Ok(Self(Envelope {
            log_id: row.try_get(0)?,
            position: Position(row.try_get(1)?),
            aggregate_type: row.try_get(2)?,
            sequence: Sequence(row.try_get(4)?),
            event_id: row.try_get(5)?,
            event_type: row.try_get(6)?,
            event_version: row.try_get(7)?,
            payload: with_id(&aggregate_id, row.try_get(8)?),
            aggregate_id,
            metadata: metadata.map(|Json(metadata)| metadata).unwrap_or_default(),
            recorded_at: row.try_get::<DateTime<Utc>, _>(10)?,
        }))
    }
}

/// Puts the aggregate's id in front of a JSON object's fields.
///
/// The text is spliced, not parsed: the column's constraint promises an object, and an id needs no escaping, for it
/// is of `[A-Za-z0-9_-]`. A row that broke the latter rule is escaped all the same.
fn with_id(aggregate_id: &str, object: &str) -> String {
    let mut payload = String::with_capacity(object.len() + aggregate_id.len() + r#"{"id": "", "#.len());
    payload.push_str(r#"{"id": "#);
    if aggregate_id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    {
        payload.extend(["\"", aggregate_id, "\""]);
    } else {
        payload.push_str(&serde_json::Value::from(aggregate_id).to_string());
    }
    match object.strip_prefix('{').map(str::trim_start) {
        Some("}") | None => payload.push('}'),
        Some(fields) => payload.extend([", ", fields]),
    }
    payload
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
