//! Idempotency keys: what a client may repeat, and the answer it gets again.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{Position, Sequence};
use futures::FutureExt;
use session::ask;
use sqlx::PgPool;
use uuid::Uuid;

use crate::error::StoreError;
use crate::store::{EventStore, unavailable};

/// What makes a command repeatable: its key, and what is recorded to answer a repetition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Whose key it is.
    pub principal: String,
    /// The key, chosen by the client.
    pub key: String,
    /// Tells the same request from another one under the same key.
    pub request_hash: Vec<u8>,
    /// HTTP status of the answer.
    pub status: u16,
    /// `Location` of the answer.
    pub location: Option<String>,
}

/// The recorded answer of a command that was accepted before under the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedAnswer {
    /// HTTP status of the answer.
    pub status: u16,
    /// Sequence the stream had after the command.
    pub sequence: Sequence,
    /// Position of the stream's last event after the command.
    pub position: Position,
    /// `Location` of the answer.
    pub location: Option<String>,
    /// Identity of the log as it is now. An answer that names an event which a new log lacks is forgotten when that is adopted.
    pub log_id: Uuid,
}

/// A row of the keys.
#[derive(sqlx::FromRow)]
pub(crate) struct Record {
    pub(crate) request_hash: Vec<u8>,
    status: i16,
    sequence: i64,
    position: i64,
    location: Option<String>,
    log_id: Uuid,
    /// Whether commits wait for a standby.
    pub(crate) synchronous: bool,
}

impl Record {
    pub(crate) fn answer(self) -> RecordedAnswer {
        RecordedAnswer {
            status: self.status as u16,
            sequence: Sequence(self.sequence),
            position: Position(self.position),
            location: self.location,
            log_id: self.log_id,
        }
    }
}

/// What is recorded under a key, whatever request it belongs to.
pub(crate) async fn recorded(pool: &PgPool, idempotency: &Idempotency) -> Result<Option<Record>, StoreError> {
    let record = || {
        sqlx::query_as(
            "SELECT request_hash, status, sequence, position, location, (SELECT log_id FROM log) AS log_id,
                current_setting('synchronous_standby_names') <> '' AS synchronous
         FROM idempotency_keys WHERE principal = $1 AND key = $2",
        )
        .bind(idempotency.principal.clone())
        .bind(idempotency.key.clone())
    };
    ask(pool, |connection| record().fetch_optional(connection).boxed())
        .await
        .map_err(unavailable)
}

impl EventStore {
    /// Forgets idempotency keys older than `age`, at most `limit` of them; returns how many.
    ///
    /// Begins where this process has come to: what was forgotten before is not passed over again, for an old snapshot may
    /// keep its remains for long. A key whose commit took longer than `age` is forgotten by the next process.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn forget_idempotency_keys(&self, age: Duration, limit: u32) -> Result<u64, StoreError> {
        let begin = *self.keys_forgotten_before();
        let deletion = || {
            sqlx::query_as(
            "WITH old AS MATERIALIZED (
                SELECT principal, key, recorded_at FROM idempotency_keys
                WHERE recorded_at >= coalesce($3, '-infinity') AND recorded_at < now() - make_interval(secs => $1)
                ORDER BY recorded_at LIMIT $2
             ), gone AS (
                DELETE FROM idempotency_keys k USING old WHERE k.principal = old.principal AND k.key = old.key RETURNING 1
             )
             SELECT (SELECT count(*) FROM gone),
                    CASE WHEN count(*) < $2 THEN now() - make_interval(secs => $1) ELSE max(recorded_at) END
             FROM old",
        )
        .bind(age.as_secs_f64())
        .bind(i64::from(limit))
        .bind(begin)
        };
        let (forgotten, end): (i64, Option<DateTime<Utc>>) =
            ask(&self.pool, |connection| deletion().fetch_one(connection).boxed())
                .await
                .map_err(unavailable)?;
        let mut before = self.keys_forgotten_before();
        // Another call may have come further meanwhile.
        *before = end.max(*before);
        Ok(forgotten.unsigned_abs())
    }

    fn keys_forgotten_before(&self) -> MutexGuard<'_, Option<DateTime<Utc>>> {
        // Nothing panics while it is locked.
        self.keys_forgotten_before
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
