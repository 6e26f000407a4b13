//! The projection's row: all SQL on what stands outside of the generations.
//!
//! It is a view of two tables: what operators decide, in a row that stays where it is and is the lock, and the checkpoints,
//! of which the newest counts. A move of the checkpoint is a new row, for a row that was updated a thousand times is a
//! thousand rows to whoever looks for it while an old snapshot is open.

use chrono::{DateTime, Utc};
use domain::Position;
use serde::Serialize;
use sqlx::{Connection, Executor, FromRow, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Generation, Projection, parked};

#[cfg(test)]
mod tests;

/// First number of the lock of whoever replaces a queue; any constant of our own.
const QUEUE_LOCK_CLASS: i32 = 0x6d71_7175;

/// How far a read model is, and the proof that the log is the one it was made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// Everything up to here is applied.
    pub(crate) position: Position,
    /// The event at the position; none at 0.
    pub(crate) event_id: Option<Uuid>,
    /// The log; none at 0.
    pub(crate) log_id: Option<Uuid>,
    /// When the event at the position was recorded.
    pub(crate) recorded_at: Option<DateTime<Utc>>,
}

/// The projection's row as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The generation queries read and the consumer writes.
    pub(crate) generation: Generation,
    /// Version of the code that made it.
    pub(crate) version: i32,
    /// Version of the bindings that fed it.
    pub(crate) binding_version: i32,
    /// How far it is.
    pub(crate) checkpoint: Checkpoint,
    /// The consumer that committed last.
    pub(crate) consumer_epoch: i64,
    /// Streams with parked events.
    pub(crate) parked_streams: i64,
    /// Who has paused it, when and why.
    pub(crate) paused: Option<Paused>,
}

/// A projection that an operator has told to apply nothing for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Paused {
    /// Who did it.
    pub by: String,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Why, if that was said.
    pub reason: Option<String>,
}

impl Row {
    /// Tells whether the generation was made by this code.
    pub(crate) fn is_of(&self, projection: &dyn Projection) -> bool {
        self.version == projection.version() && self.binding_version == projection.binding_version()
    }
}

#[derive(FromRow)]
struct Columns {
    generation: i64,
    version: i32,
    binding_version: i32,
    position: i64,
    event_id: Option<Uuid>,
    log_id: Option<Uuid>,
    recorded_at: Option<DateTime<Utc>>,
    consumer_epoch: i64,
    parked_streams: i64,
    paused_at: Option<DateTime<Utc>>,
    paused_by: Option<String>,
    paused_reason: Option<String>,
}

/// Reads the row; `None` before the first generation is made.
pub(crate) async fn load(connection: &mut PgConnection, projection: &'static str) -> Result<Option<Row>, sqlx::Error> {
    let columns: Option<Columns> = sqlx::query_as(
        "SELECT generation, version, binding_version, position, event_id, log_id, recorded_at, consumer_epoch, \
         parked_streams, paused_at, paused_by, paused_reason FROM public.projection WHERE name = $1",
    )
    .bind(projection)
    .fetch_optional(connection)
    .await?;
    Ok(columns.map(|columns| Row {
        generation: Generation::new(projection, columns.generation),
        version: columns.version,
        binding_version: columns.binding_version,
        checkpoint: Checkpoint {
            position: Position(columns.position),
            event_id: columns.event_id,
            log_id: columns.log_id,
            recorded_at: columns.recorded_at,
        },
        consumer_epoch: columns.consumer_epoch,
        parked_streams: columns.parked_streams,
        paused: columns.paused_at.map(|at| Paused {
            by: columns.paused_by.unwrap_or_default(),
            at,
            reason: columns.paused_reason,
        }),
    }))
}

/// Reads the row, and makes it together with the first generation when there is none. Safe to run concurrently: who
/// comes second waits for the first at the row's key.
pub(crate) async fn ensure(connection: &mut PgConnection, projection: &dyn Projection) -> Result<Row, sqlx::Error> {
    if let Some(row) = load(&mut *connection, projection.name()).await? {
        return Ok(row);
    }
    let mut tx = connection.begin().await?;
    let made = sqlx::query(
        "WITH made AS (
            INSERT INTO public.projection_control (name, generation, last_generation, version, binding_version)
            VALUES ($1, 1, 1, $2, $3) ON CONFLICT (name) DO NOTHING RETURNING name
         )
         INSERT INTO public.checkpoint (projection, move, position, consumer_epoch, parked_streams)
         SELECT name, 0, 0, 0, 0 FROM made",
    )
    .bind(projection.name())
    .bind(projection.version())
    .bind(projection.binding_version())
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if made == 1 {
        let first = Generation::new(projection.name(), 1);
        create_tables(&mut tx, projection, first).await?;
        create_indexes(&mut tx, projection, first).await?;
    }
    tx.commit().await?;
    load(connection, projection.name())
        .await?
        .ok_or(sqlx::Error::RowNotFound)
}

/// Takes, for the session, the lock of whoever replaces the projection's queue. `false`: another session has it.
pub(crate) async fn try_lock_queue(connection: &mut PgConnection, projection: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1, hashtext($2))")
        .bind(QUEUE_LOCK_CLASS)
        .bind(projection)
        .fetch_one(connection)
        .await
}

/// Makes the schema and the tables of a generation in the caller's transaction, without their further indexes.
pub(crate) async fn create_tables(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    generation: Generation,
) -> Result<(), sqlx::Error> {
    let schema = format!("CREATE SCHEMA {generation}; SET LOCAL search_path = {generation}, public");
    tx.execute(schema.as_str()).await?;
    tx.execute(projection.schema()).await?;
    tx.execute(parked::TABLE).await?;
    Ok(())
}

/// Makes the further indexes of a generation's tables in the caller's transaction.
pub(crate) async fn create_indexes(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    generation: Generation,
) -> Result<(), sqlx::Error> {
    let search_path = format!("SET LOCAL search_path = {generation}, public");
    tx.execute(search_path.as_str()).await?;
    tx.execute(projection.indexes()).await?;
    Ok(())
}

/// Locks the row for the rest of the transaction. It must be read by [`load`] afterwards: only a later statement is
/// sure to see what the previous holder of the lock has committed.
pub(crate) async fn lock(tx: &mut PgConnection, projection: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT 1 FROM public.projection WHERE name = $1 FOR UPDATE")
        .bind(projection)
        .execute(tx)
        .await
        .map(drop)
}

/// Where a consumer left the projection's row. Positions of two logs may be the same, events are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fence {
    /// The checkpoint.
    pub(crate) position: Position,
    /// The event there; none at 0.
    pub(crate) event_id: Option<Uuid>,
    /// The consumer's epoch; none before its first commit, which takes the next one.
    pub(crate) epoch: Option<i64>,
}

/// A row whose checkpoint was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub(crate) struct Advanced {
    /// The number of the live generation.
    pub(crate) generation: i64,
    /// The consumer's epoch.
    pub(crate) consumer_epoch: i64,
    /// Streams with parked events.
    pub(crate) parked_streams: i64,
}

/// Locks the row, moves its checkpoint, and remembers when, if the row is where the fence says, not paused, and its
/// generation this code's; otherwise `None`, and nothing has changed.
///
/// One statement for all of that: every transaction of a consumer begins with it, and one without events is nothing else.
/// It waits for the previous holder of the lock and then sees what that has committed, in the projection's row; of other
/// rows only a later statement is sure to.
pub(crate) async fn advance(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    fence: Fence,
    checkpoint: &Checkpoint,
) -> Result<Option<Advanced>, sqlx::Error> {
    sqlx::query_as(
        "SELECT generation, consumer_epoch, parked_streams
         FROM public.move_checkpoint($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(projection.name())
    .bind(projection.version())
    .bind(projection.binding_version())
    .bind(fence.position.0)
    .bind(fence.event_id)
    .bind(fence.epoch)
    .bind(checkpoint.position.0)
    .bind(checkpoint.event_id)
    .bind(checkpoint.log_id)
    .bind(checkpoint.recorded_at)
    .fetch_optional(tx)
    .await
}

/// Counts more streams as parked, of a locked row.
pub(crate) async fn park_streams(
    tx: &mut PgConnection,
    projection: &'static str,
    streams: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE public.projection SET parked_streams = parked_streams + $2 WHERE name = $1")
        .bind(projection)
        .bind(streams)
        .execute(tx)
        .await
        .map(drop)
}

/// Makes another generation the live one of a locked row: everything but the pause is as `live` says.
pub(crate) async fn switch(tx: &mut PgConnection, projection: &'static str, live: &Row) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE public.projection SET generation = $2, version = $3, binding_version = $4, position = $5, event_id = $6, \
         log_id = $7, recorded_at = $8, consumer_epoch = $9, parked_streams = $10, updated_at = now() WHERE name = $1",
    )
    .bind(projection)
    .bind(live.generation.number)
    .bind(live.version)
    .bind(live.binding_version)
    .bind(live.checkpoint.position.0)
    .bind(live.checkpoint.event_id)
    .bind(live.checkpoint.log_id)
    .bind(live.checkpoint.recorded_at)
    .bind(live.consumer_epoch)
    .bind(live.parked_streams)
    .execute(tx)
    .await
    .map(drop)
}

/// Pauses a locked projection.
pub(crate) async fn pause(
    tx: &mut PgConnection,
    projection: &'static str,
    by: &str,
    reason: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE public.projection SET paused_at = clock_timestamp(), paused_by = $2, paused_reason = $3 WHERE name = $1",
    )
    .bind(projection)
    .bind(by)
    .bind(reason)
    .execute(tx)
    .await
    .map(drop)
}

/// Resumes a locked projection.
pub(crate) async fn resume(tx: &mut PgConnection, projection: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE public.projection SET paused_at = NULL, paused_by = NULL, paused_reason = NULL WHERE name = $1")
        .bind(projection)
        .execute(tx)
        .await
        .map(drop)
}

/// Counts fewer streams as parked, of a locked row.
pub(crate) async fn unpark_stream(tx: &mut PgConnection, projection: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE public.projection SET parked_streams = parked_streams - 1 WHERE name = $1")
        .bind(projection)
        .execute(tx)
        .await
        .map(drop)
}

/// Notes that the log, under a new identity, still holds the checkpoint: a restored or promoted log that went back no
/// further than this read model is. Changes nothing when the row has moved since it was read.
pub(crate) async fn adopt_log(
    connection: &mut PgConnection,
    projection: &'static str,
    held: &Checkpoint,
    log_id: Uuid,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE public.projection SET log_id = $4 WHERE name = $1 AND position = $2 AND event_id = $3")
        .bind(projection)
        .bind(held.position.0)
        .bind(held.event_id)
        .bind(log_id)
        .execute(connection)
        .await
        .map(drop)
}
