//! Idempotency keys: what a client may repeat, and the answer it gets again.

use std::time::Duration;

use domain::{Position, Sequence};
use futures::FutureExt;
use sqlx::PgPool;

use crate::ask::ask;
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
}

/// A row of the keys.
#[derive(sqlx::FromRow)]
pub(crate) struct Record {
    pub(crate) request_hash: Vec<u8>,
    status: i16,
    sequence: i64,
    position: i64,
    location: Option<String>,
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
        }
    }
}

/// What is recorded under a key, whatever request it belongs to.
pub(crate) async fn recorded(pool: &PgPool, idempotency: &Idempotency) -> Result<Option<Record>, StoreError> {
    let record = sqlx::query_as(
        "SELECT request_hash, status, sequence, position, location,
                current_setting('synchronous_standby_names') <> '' AS synchronous
         FROM idempotency_keys WHERE principal = $1 AND key = $2",
    )
    .bind(idempotency.principal.clone())
    .bind(idempotency.key.clone());
    ask(pool, |connection| record.fetch_optional(connection).boxed())
        .await
        .map_err(unavailable)
}

impl EventStore {
    /// Forgets idempotency keys older than `age`, at most `limit` of them; returns how many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn forget_idempotency_keys(&self, age: Duration, limit: u32) -> Result<u64, StoreError> {
        let deletion = sqlx::query(
            "DELETE FROM idempotency_keys k USING (
                SELECT principal, key FROM idempotency_keys
                WHERE recorded_at < now() - make_interval(secs => $1) ORDER BY recorded_at LIMIT $2
             ) old WHERE k.principal = old.principal AND k.key = old.key",
        )
        .bind(age.as_secs_f64())
        .bind(i64::from(limit));
        let forgotten = ask(&self.pool, |connection| deletion.execute(connection).boxed())
            .await
            .map_err(unavailable)?;
        Ok(forgotten.rows_affected())
    }
}
