//! Reads the log by position: contiguous or an error, never a silent hole.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use domain::{Envelope, Position, Sequence};
use futures::FutureExt;
use session::ask;
use sqlx::PgPool;
use uuid::Uuid;

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
    /// The log went back, or is another one: the event that was read at a position is not there any more.
    #[error("the log does not have the event that was read from it at position {}", position.0)]
    Diverged {
        /// Where the event was.
        position: Position,
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

    /// Reads up to `limit` events behind one that was read before, `event_id` at `after`, which the same statement finds
    /// again: a log that went back has another event there, or none. At position 0 there is none to find.
    ///
    /// # Errors
    /// [`LogError::Diverged`] when it is not there; as [`LogReader::read`].
    pub async fn read_on(
        &self,
        after: Position,
        event_id: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Envelope>, LogError> {
        if after.0 == 0 {
            return self.read(after, limit).await;
        }
        let to = Position(after.0.saturating_add(i64::from(limit)));
        let diverged = LogError::Diverged { position: after };
        let mut found = match self.read_between(Position(after.0 - 1), to).await {
            Err(LogError::Gap { expected, .. }) if expected == after => return Err(diverged),
            found => VecDeque::from(found?),
        };
        match found.pop_front() {
            Some(known) if Some(known.event_id) == event_id => Ok(found.into()),
            _ => Err(diverged),
        }
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
