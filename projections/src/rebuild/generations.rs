//! The generations that are not live: all SQL on their rows and their schemas.

use domain::Position;
use sqlx::{Connection, Executor, FromRow, PgConnection};
use uuid::Uuid;

use crate::control::{self, Checkpoint};
use crate::{Generation, Projection};

/// What a generation that is not live is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// An operation works on it.
    Building,
    /// Kept for a rollback.
    Retired,
}

impl Standing {
    fn as_str(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Retired => "retired",
        }
    }
}

/// A generation that is not live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Aside {
    pub(crate) generation: Generation,
    pub(crate) version: i32,
    pub(crate) binding_version: i32,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) parked_streams: i64,
}

impl Aside {
    /// Tells whether the generation was made by this code.
    pub(crate) fn is_of(&self, projection: &dyn Projection) -> bool {
        self.version == projection.version() && self.binding_version == projection.binding_version()
    }
}

const SELECT: &str = "SELECT number, version, binding_version, position, event_id, log_id, recorded_at, parked_streams \
                      FROM public.generation";

#[derive(FromRow)]
struct Columns {
    number: i64,
    version: i32,
    binding_version: i32,
    position: i64,
    event_id: Option<Uuid>,
    log_id: Option<Uuid>,
    recorded_at: Option<chrono::DateTime<chrono::Utc>>,
    parked_streams: i64,
}

/// Makes a generation of this code beside the live one: its row, its schema and its tables, without their indexes.
/// The caller's transaction has locked the projection's row.
pub(crate) async fn begin(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    generation: Generation,
) -> Result<(), sqlx::Error> {
    let name = projection.name();
    sqlx::query("UPDATE public.projection SET last_generation = $2 WHERE name = $1")
        .bind(name)
        .bind(generation.number)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO public.generation (projection, number, state, version, binding_version) \
         VALUES ($1, $2, 'building', $3, $4)",
    )
    .bind(name)
    .bind(generation.number)
    .bind(projection.version())
    .bind(projection.binding_version())
    .execute(&mut *tx)
    .await?;
    control::create_tables(tx, projection, generation).await
}

/// Finds the generations of a standing.
pub(crate) async fn all(
    connection: &mut PgConnection,
    projection: &'static str,
    standing: Standing,
) -> Result<Vec<Aside>, sqlx::Error> {
    let statement = format!("{SELECT} WHERE projection = $1 AND state = $2 ORDER BY number");
    let rows: Vec<Columns> = sqlx::query_as(&statement)
        .bind(projection)
        .bind(standing.as_str())
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| aside(projection, row)).collect())
}

/// Locks a generation's row for the rest of the transaction; `None` when it is gone.
pub(crate) async fn hold(
    tx: &mut PgConnection,
    projection: &'static str,
    generation: Generation,
    standing: Standing,
) -> Result<Option<Aside>, sqlx::Error> {
    let statement = format!("{SELECT} WHERE projection = $1 AND number = $2 AND state = $3 FOR UPDATE");
    let row: Option<Columns> = sqlx::query_as(&statement)
        .bind(projection)
        .bind(generation.number)
        .bind(standing.as_str())
        .fetch_optional(tx)
        .await?;
    Ok(row.map(|row| aside(projection, row)))
}

/// Moves a generation's checkpoint in the transaction that applies the events before it. `false`: its row is gone.
pub(crate) async fn advance(
    tx: &mut PgConnection,
    projection: &'static str,
    generation: Generation,
    checkpoint: &Checkpoint,
    newly_parked_streams: i64,
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query(
        "UPDATE public.generation SET position = $3, event_id = $4, log_id = $5, recorded_at = $6, \
         parked_streams = parked_streams + $7 WHERE projection = $1 AND number = $2",
    )
    .bind(projection)
    .bind(generation.number)
    .bind(checkpoint.position.0)
    .bind(checkpoint.event_id)
    .bind(checkpoint.log_id)
    .bind(checkpoint.recorded_at)
    .bind(newly_parked_streams)
    .execute(tx)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// Keeps a generation that was live for a rollback; as one that is building it is removed with the operation's remains.
pub(crate) async fn put_aside(
    tx: &mut PgConnection,
    projection: &'static str,
    live: &control::Row,
    standing: Standing,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO public.generation (projection, number, state, version, binding_version, position, event_id, \
         log_id, recorded_at, parked_streams) VALUES ($1, $2, $10, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(projection)
    .bind(live.generation.number)
    .bind(live.version)
    .bind(live.binding_version)
    .bind(live.checkpoint.position.0)
    .bind(live.checkpoint.event_id)
    .bind(live.checkpoint.log_id)
    .bind(live.checkpoint.recorded_at)
    .bind(live.parked_streams)
    .bind(standing.as_str())
    .execute(tx)
    .await
    .map(drop)
}

/// Leaves the retired generation, if there is one, to be removed with what is unfinished: its tables are not to be dropped
/// while the projection's row is locked.
pub(crate) async fn give_up_retired(tx: &mut PgConnection, projection: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE public.generation SET state = 'building' WHERE projection = $1 AND state = 'retired'")
        .bind(projection)
        .execute(tx)
        .await
        .map(drop)
}

/// Forgets a generation that is not live; its schema stays.
pub(crate) async fn forget(
    tx: &mut PgConnection,
    projection: &'static str,
    generation: Generation,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM public.generation WHERE projection = $1 AND number = $2")
        .bind(projection)
        .bind(generation.number)
        .execute(tx)
        .await
        .map(drop)
}

/// Removes a generation, its row first and then its schema: without its row nobody can switch to it. The projection's row is
/// not locked: who reads the tables, such as a backup, must not hold up the consumer.
pub(crate) async fn remove(
    connection: &mut PgConnection,
    projection: &'static str,
    generation: Generation,
) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin().await?;
    forget(&mut tx, projection, generation).await?;
    let drop = format!("DROP SCHEMA IF EXISTS {generation} CASCADE");
    tx.execute(drop.as_str()).await?;
    tx.commit().await
}

/// Finds the first event that was discarded after a generation was retired, and that it has applied.
pub(crate) async fn discarded_too_late(
    connection: &mut PgConnection,
    projection: &'static str,
    generation: Generation,
) -> Result<Option<i64>, sqlx::Error> {
    let statement = format!(
        "SELECT min(d.position) FROM public.discarded_event d JOIN public.generation g USING (projection) \
         WHERE g.projection = $1 AND g.number = $2 AND d.position <= g.position AND d.discarded_at >= g.since \
         AND NOT EXISTS (SELECT FROM {generation}.parked_events p WHERE p.event_id = d.event_id)"
    );
    sqlx::query_scalar(&statement)
        .bind(projection)
        .bind(generation.number)
        .fetch_one(connection)
        .await
}

fn aside(projection: &'static str, row: Columns) -> Aside {
    Aside {
        generation: Generation::new(projection, row.number),
        version: row.version,
        binding_version: row.binding_version,
        checkpoint: Checkpoint {
            position: Position(row.position),
            event_id: row.event_id,
            log_id: row.log_id,
            recorded_at: row.recorded_at,
        },
        parked_streams: row.parked_streams,
    }
}
