//! The lock that makes an operation the only one of its projection, and the record of the last one: all SQL on them.
//!
//! The lock belongs to a database session, so it ends with its holder, however that ends. What a record says of an
//! operation that runs is only true while somebody holds the lock.

use sqlx::PgConnection;
use sqlx::types::Json;

use crate::rebuild::failure::Failure;
use crate::rebuild::operation::{Operation, OperationState};

/// The lock's first number; any constant of our own. The second one is made of the projection's name.
const LOCK_CLASS: i32 = 0x6d71_7262;

/// Takes the lock for the session. `false`: another session has it.
pub(crate) async fn try_lock(connection: &mut PgConnection, projection: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)")
        .bind(LOCK_CLASS)
        .bind(lock_number(projection))
        .fetch_one(connection)
        .await
}

/// Gives the session's lock back.
pub(crate) async fn unlock(connection: &mut PgConnection, projection: &str) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_unlock($1, $2)")
        .bind(LOCK_CLASS)
        .bind(lock_number(projection))
        .execute(connection)
        .await
        .map(drop)
}

/// Reads the record; one that nobody works on any more is shown as interrupted.
pub(crate) async fn load(connection: &mut PgConnection, projection: &str) -> Result<Option<Operation>, sqlx::Error> {
    let row: Option<(Json<Operation>, bool, bool)> = sqlx::query_as(
        "SELECT report, running, EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND classid::bigint = $2 AND objid::bigint = $3 AND objsubid = 2) FROM public.rebuild WHERE projection = $1",
    )
    .bind(projection)
    .bind(i64::from(LOCK_CLASS))
    .bind(i64::from(lock_number(projection)))
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(Json(mut operation), running, locked)| {
        if running && !locked {
            interrupt(&mut operation);
        }
        operation
    }))
}

/// Marks an operation whose process is gone.
pub(crate) fn interrupt(operation: &mut Operation) {
    operation.end(OperationState::Interrupted, Some(Failure::Lost.error()));
}

/// Writes the record of an operation that begins.
pub(crate) async fn begin(tx: &mut PgConnection, operation: &Operation) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO public.rebuild (projection, running, report) VALUES ($1, true, $2) \
         ON CONFLICT (projection) DO UPDATE SET running = true, cancel_requested = false, report = excluded.report, \
         updated_at = now()",
    )
    .bind(&operation.projection)
    .bind(Json(operation))
    .execute(tx)
    .await
    .map(drop)
}

/// What was read back with the progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// To go on.
    GoOn,
    /// To call it off.
    Cancel,
    /// Nothing: the operation has ended.
    Ended,
}

/// Writes the progress of an operation, and reads whether it shall be called off.
pub(crate) async fn note(connection: &mut PgConnection, operation: &Operation) -> Result<Asked, sqlx::Error> {
    let cancel_requested: Option<bool> = sqlx::query_scalar(
        "UPDATE public.rebuild SET report = $2, updated_at = now() WHERE projection = $1 AND running \
         RETURNING cancel_requested",
    )
    .bind(&operation.projection)
    .bind(Json(operation))
    .fetch_optional(connection)
    .await?;
    Ok(match cancel_requested {
        None => Asked::Ended,
        Some(true) => Asked::Cancel,
        Some(false) => Asked::GoOn,
    })
}

/// Writes how an operation ended, unless that is written already.
pub(crate) async fn end(tx: &mut PgConnection, operation: &Operation) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE public.rebuild SET running = false, report = $2, updated_at = now() WHERE projection = $1 AND running",
    )
    .bind(&operation.projection)
    .bind(Json(operation))
    .execute(tx)
    .await
    .map(drop)
}

/// The record as it is written, if it says that the operation runs.
pub(crate) async fn unfinished(
    connection: &mut PgConnection,
    projection: &str,
) -> Result<Option<Operation>, sqlx::Error> {
    let report: Option<Json<Operation>> =
        sqlx::query_scalar("SELECT report FROM public.rebuild WHERE projection = $1 AND running")
            .bind(projection)
            .fetch_optional(connection)
            .await?;
    Ok(report.map(|Json(operation)| operation))
}

/// Tells whether an operation runs, or looks as if it did.
pub(crate) async fn is_anything_left(connection: &mut PgConnection, projection: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM public.generation WHERE projection = $1 AND state = 'building') \
         OR EXISTS (SELECT FROM public.rebuild WHERE projection = $1 AND running)",
    )
    .bind(projection)
    .fetch_one(connection)
    .await
}

/// Asks the operation that runs to call itself off.
pub(crate) async fn request_cancel(connection: &mut PgConnection, projection: &str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE public.rebuild SET cancel_requested = true WHERE projection = $1 AND running")
        .bind(projection)
        .execute(connection)
        .await
        .map(drop)
}

/// Ends the sessions that work under an application name, and waits until they are gone. Only the holder of the lock may
/// do this: whoever works under that name then works for nobody.
pub(crate) async fn end_workers(connection: &mut PgConnection, application_name: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()",
    )
    .bind(application_name)
    .execute(connection)
    .await
    .map(drop)
}

/// FNV-1a of the name, without a sign.
fn lock_number(projection: &str) -> i32 {
    let hash = projection.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (hash >> 1).cast_signed()
}
