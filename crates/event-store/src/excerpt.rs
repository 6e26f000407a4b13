//! Reads what a range of the log has of some kinds of streams, and proves that nothing of it is missing.
//!
//! The other events stay where they are: a read model of movies has no use for the users' events, which are most of the log.
//! That the range is complete is told by the same statement, which counts its positions in the index.

use chrono::{DateTime, Utc};
use domain::{Envelope, Position};
use futures::FutureExt;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};
use uuid::Uuid;

use crate::ask::ask;
use crate::row::EnvelopeRow;
use crate::{LogError, LogReader};

/// Events of some kinds of streams out of a complete range of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Excerpt {
    /// Identity of the log.
    pub log_id: Uuid,
    /// The events, in position order.
    pub events: Vec<Envelope>,
    /// Identity of the event at the end of the range, of whatever kind.
    pub event_id: Uuid,
    /// When that event was recorded.
    pub recorded_at: DateTime<Utc>,
}

impl LogReader {
    /// Reads all events of `(after, to]` that are of these kinds of streams, without their metadata. The caller bounds the
    /// range, which must not be empty.
    ///
    /// # Errors
    /// As [`LogReader::read_range`], unless every event of the range is there, of whatever kind.
    pub async fn read_kinds(&self, after: Position, to: Position, kinds: &[&str]) -> Result<Excerpt, LogError> {
        let question = sqlx::query_as(
            "SELECT (SELECT log_id FROM log), e.position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_id,
                    e.event_type, e.event_version, e.payload::text, NULL::jsonb, e.recorded_at,
                    (SELECT count(*) FROM events WHERE position > $1 AND position <= $2)
             FROM events e
             WHERE e.position > $1 AND e.position <= $2 AND (e.aggregate_type = ANY ($3) OR e.position = $2)
             ORDER BY e.position",
        )
        .bind(after.0)
        .bind(to.0)
        .bind(kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>());
        let rows: Vec<Counted> = ask(&self.pool, |connection| question.fetch_all(connection).boxed()).await?;
        let is_complete = rows
            .last()
            .is_some_and(|last| last.envelope.position == to && last.positions == to.0 - after.0);
        let mut events = if is_complete {
            rows.into_iter().map(|row| row.envelope).collect()
        } else {
            // Whoever reads all of it sees what is missing.
            self.read_range(after, to).await?
        };
        let last = events
            .last()
            .expect("a complete range that is not empty has a last event");
        let (log_id, event_id, recorded_at) = (last.log_id, last.event_id, last.recorded_at);
        events.retain(|event| kinds.contains(&event.aggregate_type.as_str()));
        Ok(Excerpt {
            log_id,
            events,
            event_id,
            recorded_at,
        })
    }
}

/// An event, and how many positions of its range the log has.
struct Counted {
    envelope: Envelope,
    positions: i64,
}

impl FromRow<'_, PgRow> for Counted {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let EnvelopeRow(envelope) = EnvelopeRow::from_row(row)?;
        let positions = row.try_get(EnvelopeRow::COLUMNS)?;
        Ok(Self { envelope, positions })
    }
}
