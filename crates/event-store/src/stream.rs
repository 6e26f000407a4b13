//! Reads a stream of the log by sequence: contiguous or an error, never a silent hole.

use domain::{Envelope, Position, Sequence};
use futures::FutureExt;
use session::ask;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use crate::row::EnvelopeRow;
use crate::{LogError, LogReader};

/// Some events of a stream, and what stands elsewhere in the log that they were read from.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamPage {
    /// The events, in order.
    pub events: Vec<Envelope>,
    /// Identity of the event at the position that was asked for; none when there is none, or no event of the stream.
    pub beside: Option<Uuid>,
}

impl LogReader {
    /// Reads up to `limit` events of one stream after a sequence, in order: empty when there are none.
    ///
    /// # Errors
    /// [`LogError::StreamGap`] when sequences are missing, [`LogError::Database`].
    pub async fn stream(
        &self,
        aggregate_type: &str,
        aggregate_id: &str,
        after: Sequence,
        limit: u32,
    ) -> Result<Vec<Envelope>, LogError> {
        let page = self.stream_beside(aggregate_type, aggregate_id, after, limit, Position(0));
        Ok(page.await?.events)
    }

    /// As [`LogReader::stream`], and finds in the same statement which event stands at a position of the log.
    ///
    /// # Errors
    /// As [`LogReader::stream`].
    pub async fn stream_beside(
        &self,
        aggregate_type: &str,
        aggregate_id: &str,
        after: Sequence,
        limit: u32,
        position: Position,
    ) -> Result<StreamPage, LogError> {
        let question = || {
            sqlx::query_as(
                "SELECT l.log_id, e.position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_id, e.event_type,
                    e.event_version, e.payload::text AS payload, e.metadata, e.recorded_at,
                    (SELECT event_id FROM events WHERE position = $5)
             FROM events e, log l
             WHERE e.aggregate_type = $1 AND e.aggregate_id = $2 AND e.sequence > $3
             ORDER BY e.sequence LIMIT $4",
            )
            .bind(aggregate_type.to_owned())
            .bind(aggregate_id.to_owned())
            .bind(after.0)
            .bind(i64::from(limit))
            .bind(position.0)
        };
        let rows: Vec<Row> = ask(&self.pool, |connection| question().fetch_all(connection).boxed()).await?;
        let mut expected = after;
        let beside = rows.first().and_then(|row| row.beside);
        let mut events = Vec::with_capacity(rows.len());
        for Row { envelope, .. } in rows {
            expected.0 += 1;
            if envelope.sequence != expected {
                return Err(LogError::StreamGap {
                    aggregate_type: envelope.aggregate_type,
                    aggregate_id: envelope.aggregate_id,
                    expected,
                    found: envelope.sequence,
                });
            }
            events.push(envelope);
        }
        Ok(StreamPage { events, beside })
    }
}

struct Row {
    envelope: Envelope,
    beside: Option<Uuid>,
}

impl FromRow<'_, PgRow> for Row {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let EnvelopeRow(envelope) = EnvelopeRow::from_row(row)?;
        let beside = row.try_get(EnvelopeRow::COLUMNS)?;
        Ok(Self { envelope, beside })
    }
}
