//! What a request led to: its events, and the command that was recorded with them.

use chrono::{DateTime, Utc};
use domain::{Envelope, Position};
use futures::FutureExt;
use session::ask;

use crate::log_reader::{LogError, LogReader};
use crate::row::EnvelopeRow;

/// What was recorded of a command that carried an Idempotency-Key; the key itself is not told.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct RecordedCommand {
    /// Whose key it was.
    pub principal: String,
    /// HTTP status of the answer.
    pub status: i16,
    /// `Location` of the answer.
    pub location: Option<String>,
}

impl LogReader {
    /// Reads the first `limit` events of a request, in order: those whose correlation id it is.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn by_correlation(&self, request_id: &str, limit: u32) -> Result<Vec<Envelope>, LogError> {
        let question = || {
            sqlx::query_as(
            "SELECT l.log_id, e.position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_id, e.event_type,
                    e.event_version, e.payload::text AS payload, e.metadata, e.recorded_at
             FROM log l, LATERAL (
                -- Kept from being merged: the planner must not follow positions in the hope of meeting the request soon.
                SELECT * FROM events WHERE metadata ->> 'correlation_id' = $1 OFFSET 0
             ) e
             ORDER BY e.position LIMIT $2",
        )
        .bind(request_id.to_owned())
        .bind(i64::from(limit))
        };
        let rows: Vec<EnvelopeRow> = ask(&self.pool, |connection| question().fetch_all(connection).boxed()).await?;
        Ok(rows.into_iter().map(|EnvelopeRow(envelope)| envelope).collect())
    }

    /// Reads what was recorded under an idempotency key when the event at `position` was; none when the command had
    /// no key, or it is forgotten by now. `position` is that of the command's last event.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn recorded_command(
        &self,
        position: Position,
        recorded_at: DateTime<Utc>,
    ) -> Result<Option<RecordedCommand>, LogError> {
        // A key is recorded in the statement of its events, with the same time: the index on it finds it.
        let question = || {
            sqlx::query_as(
                "SELECT principal, status, location FROM idempotency_keys
             WHERE recorded_at = $1 AND position = $2 LIMIT 1",
            )
            .bind(recorded_at)
            .bind(position.0)
        };
        Ok(ask(&self.pool, |connection| question().fetch_optional(connection).boxed()).await?)
    }
}
