//! Reads what a range of the log has of some streams, and proves that nothing of it is missing.
//!
//! The other events stay where they are: a read model of movies has no use for the users' events, which are most of the log.
//! That the range is complete is told by the same statement, which counts its positions in the index.

use chrono::{DateTime, Utc};
use domain::{Envelope, Position};
use futures::FutureExt;
use session::ask;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};
use uuid::Uuid;

use crate::row::EnvelopeRow;
use crate::{LogError, LogReader};

/// A share of the streams: those whose id's hash falls into it. All shares together are all streams, none twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    number: i64,
    shares: i64,
}

impl Share {
    /// All streams.
    pub const WHOLE: Self = Self { number: 0, shares: 1 };

    /// Divides the streams into so many shares of about the same size; at least one.
    pub fn all(shares: i64) -> impl Iterator<Item = Self> {
        let shares = shares.max(1);
        (0..shares).map(move |number| Self { number, shares })
    }
}

/// Events of some streams out of a complete range of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Excerpt {
    /// Identity of the log.
    pub log_id: Uuid,
    /// Identity of the event right before the range, of whatever stream; none at the log's beginning.
    pub before: Option<Uuid>,
    /// The events, in position order.
    pub events: Vec<Envelope>,
    /// Identity of the event at the end of the range, of whatever stream.
    pub event_id: Uuid,
    /// When that event was recorded.
    pub recorded_at: DateTime<Utc>,
}

impl LogReader {
    /// Reads all events of `(after, to]` that are of these kinds of streams and of this share of them, without their
    /// metadata. The caller bounds the range, which must not be empty.
    ///
    /// # Errors
    /// As [`LogReader::read_range`], unless every event of the range is there, of whatever stream.
    pub async fn read_kinds(
        &self,
        after: Position,
        to: Position,
        kinds: &[&str],
        share: Share,
    ) -> Result<Excerpt, LogError> {
        loop {
            let question = || {
                sqlx::query_as(
                "SELECT (SELECT log_id FROM log), e.position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_id,
                        e.event_type, e.event_version, e.payload::text, NULL::jsonb, e.recorded_at, asked.is_for,
                        (SELECT count(*) FROM events WHERE position > $1 AND position <= $2),
                        (SELECT event_id FROM events WHERE position = $1)
                 FROM events e, LATERAL (
                    SELECT e.aggregate_type = ANY ($3)
                       AND ($4 = 1 OR (hashtextextended(e.aggregate_id, 0) & 9223372036854775807) % $4 = $5)
                 ) AS asked (is_for)
                 WHERE e.position > $1 AND e.position <= $2 AND (asked.is_for OR e.position = $2)
                 ORDER BY e.position",
            )
            .bind(after.0)
            .bind(to.0)
            .bind(kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>())
            .bind(share.shares)
            .bind(share.number)
            };
            let rows: Vec<Found> = ask(&self.pool, |connection| question().fetch_all(connection).boxed()).await?;
            match rows.last() {
                Some(last) if last.envelope.position == to && last.positions == to.0 - after.0 => {
                    let (log_id, event_id) = (last.envelope.log_id, last.envelope.event_id);
                    return Ok(Excerpt {
                        log_id,
                        before: last.before,
                        event_id,
                        recorded_at: last.envelope.recorded_at,
                        events: rows.into_iter().filter_map(Found::asked_for).collect(),
                    });
                }
                // Who reads all of it finds out what is missing. If nothing is, the log has just grown that far.
                _ => drop(self.read_range(after, to).await?),
            }
        }
    }
}

/// An event that is asked for, or the one at the end of the range.
struct Found {
    envelope: Envelope,
    is_asked_for: bool,
    /// How many positions of the range the log has.
    positions: i64,
    /// The event right before the range.
    before: Option<Uuid>,
}

impl Found {
    fn asked_for(self) -> Option<Envelope> {
        self.is_asked_for.then_some(self.envelope)
    }
}

impl FromRow<'_, PgRow> for Found {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let EnvelopeRow(envelope) = EnvelopeRow::from_row(row)?;
        Ok(Self {
            envelope,
            is_asked_for: row.try_get(EnvelopeRow::COLUMNS)?,
            positions: row.try_get(EnvelopeRow::COLUMNS + 1)?,
            before: row.try_get(EnvelopeRow::COLUMNS + 2)?,
        })
    }
}
