//! Reads the log by position, and its streams by sequence: contiguous or an error, never a silent hole.

use chrono::{DateTime, Utc};
use domain::{Envelope, Position, Sequence};
use futures::FutureExt;
use sqlx::PgPool;
use uuid::Uuid;

use crate::ask::ask;
use crate::row::EnvelopeRow;

/// Where the log ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Identity of the log.
    pub log_id: Uuid,
    /// Position of the last event; 0 in an empty log.
    pub position: Position,
    /// When the last event was recorded.
    pub recorded_at: Option<DateTime<Utc>>,
}

/// A place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Identity of the log.
    pub log_id: Uuid,
    /// Identity of the event there; none when the log does not reach that far.
    pub event_id: Option<Uuid>,
}

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A position is missing. Positions are dense, so the log is damaged or was tampered with.
    #[error("the log has no event at position {}, but one at {}", expected.0, found.0)]
    Gap {
        /// The position that should have come next.
        expected: Position,
        /// The one that came.
        found: Position,
    },
    /// The log ends before the range does.
    #[error("the log has {found} of the {expected} events in ({}, {}]", after.0, to.0)]
    Incomplete {
        /// Start of the range, exclusive.
        after: Position,
        /// End of the range, inclusive.
        to: Position,
        /// How many events the range spans.
        expected: i64,
        /// How many there are.
        found: i64,
    },
    /// A sequence is missing in a stream, which no append can have left.
    #[error("the stream {aggregate_type}/{aggregate_id} has no event at sequence {}, but one at {}", expected.0, found.0)]
    StreamGap {
        /// Kind of stream.
        aggregate_type: String,
        /// Which stream of its kind.
        aggregate_id: String,
        /// The sequence that should have come next.
        expected: Sequence,
        /// The one that came.
        found: Sequence,
    },
    /// The database refused or did not answer.
    #[error("the event store's database failed")]
    Database(#[from] sqlx::Error),
}

/// Reads events in position order, which is commit order. Cheap to clone.
///
/// Waiting is bounded by the pool's acquire and statement timeouts, and by half a minute when no server is heard. Dropping
/// a future costs the pool the connection it was using, and nothing else.
#[derive(Clone, Debug)]
pub struct LogReader {
    pub(crate) pool: PgPool,
}

impl LogReader {
    /// Reads through a pool whose role may select from the log.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Identity of the log; changes when it is restored or promoted.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn log_id(&self) -> Result<Uuid, LogError> {
        let log_id = ask(&self.pool, |connection| {
            sqlx::query_scalar("SELECT log_id FROM log")
                .fetch_one(connection)
                .boxed()
        });
        Ok(log_id.await?)
    }

    /// Where the log ends now.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn head(&self) -> Result<Head, LogError> {
        let (log_id, position, recorded_at): (Uuid, Option<i64>, Option<DateTime<Utc>>) =
            ask(&self.pool, |connection| {
                sqlx::query_as(
                    "SELECT l.log_id, e.position, e.recorded_at FROM log l LEFT JOIN LATERAL (
                        SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1
                     ) e ON true",
                )
                .fetch_one(connection)
                .boxed()
            })
            .await?;
        Ok(Head {
            log_id,
            position: Position(position.unwrap_or(0)),
            recorded_at,
        })
    }

    /// Reads up to `limit` events after a position: empty when there are none yet.
    ///
    /// # Errors
    /// [`LogError::Gap`] when positions are missing, [`LogError::Database`].
    pub async fn read(&self, after: Position, limit: u32) -> Result<Vec<Envelope>, LogError> {
        self.read_between(after, Position(after.0.saturating_add(i64::from(limit))))
            .await
    }

    /// Reads all events of `(after, to]`. The caller bounds the range.
    ///
    /// # Errors
    /// [`LogError::Incomplete`] when the log ends before `to`, [`LogError::Gap`], [`LogError::Database`].
    pub async fn read_range(&self, after: Position, to: Position) -> Result<Vec<Envelope>, LogError> {
        let envelopes = self.read_between(after, to).await?;
        let expected = (to.0 - after.0).max(0);
        let found = envelopes.len() as i64;
        if found == expected {
            Ok(envelopes)
        } else {
            Err(LogError::Incomplete {
                after,
                to,
                expected,
                found,
            })
        }
    }

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
        let question = sqlx::query_as(
            "SELECT l.log_id, e.position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_id, e.event_type,
                    e.event_version, e.payload::text AS payload, e.metadata, e.recorded_at
             FROM events e, log l
             WHERE e.aggregate_type = $1 AND e.aggregate_id = $2 AND e.sequence > $3
             ORDER BY e.sequence LIMIT $4",
        )
        .bind(aggregate_type.to_owned())
        .bind(aggregate_id.to_owned())
        .bind(after.0)
        .bind(i64::from(limit));
        let rows: Vec<EnvelopeRow> = ask(&self.pool, |connection| question.fetch_all(connection).boxed()).await?;
        let mut expected = after;
        let mut envelopes = Vec::with_capacity(rows.len());
        for EnvelopeRow(envelope) in rows {
            expected.0 += 1;
            if envelope.sequence != expected {
                return Err(LogError::StreamGap {
                    aggregate_type: envelope.aggregate_type,
                    aggregate_id: envelope.aggregate_id,
                    expected,
                    found: envelope.sequence,
                });
            }
            envelopes.push(envelope);
        }
        Ok(envelopes)
    }

    /// Which log this is, and which event it has at a position: read together, for a log can be replaced at any time.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn place(&self, position: Position) -> Result<Place, LogError> {
        let (log_id, event_id) = ask(&self.pool, move |connection| {
            sqlx::query_as("SELECT l.log_id, e.event_id FROM log l LEFT JOIN events e ON e.position = $1")
                .bind(position.0)
                .fetch_one(connection)
                .boxed()
        })
        .await?;
        Ok(Place { log_id, event_id })
    }

    async fn read_between(&self, after: Position, to: Position) -> Result<Vec<Envelope>, LogError> {
        let rows: Vec<EnvelopeRow> = ask(&self.pool, move |connection| {
            sqlx::query_as(
                "SELECT l.log_id, e.position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_id, e.event_type,
                        e.event_version, e.payload::text AS payload, e.metadata, e.recorded_at
                 FROM events e, log l
                 WHERE e.position > $1 AND e.position <= $2
                 ORDER BY e.position",
            )
            .bind(after.0)
            .bind(to.0)
            .fetch_all(connection)
            .boxed()
        })
        .await?;
        let mut expected = after;
        let mut envelopes = Vec::with_capacity(rows.len());
        for EnvelopeRow(envelope) in rows {
            expected.0 += 1;
            if envelope.position != expected {
                return Err(LogError::Gap {
                    expected,
                    found: envelope.position,
                });
            }
            envelopes.push(envelope);
        }
        Ok(envelopes)
    }
}
