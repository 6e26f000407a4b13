//! Brings an event store's database to the schema of this code.

use session::leave_nothing;
use sqlx::PgConnection;
use sqlx::migrate::Migrator;

use crate::privileges::put_right;

/// Why a migration failed.
#[derive(Debug, thiserror::Error)]
#[error("the event store's database could not be migrated")]
pub struct MigrateError(#[from] sqlx::migrate::MigrateError);

/// The login roles of the services that use the event store. They must exist before [`migrate`] runs.
pub const ROLES: [&str; 5] = [
    "marquee_command_api",
    "marquee_event_relay",
    "marquee_users",
    "marquee_movies",
    "marquee_catalog",
];

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/event-store");

/// Applies the migrations that are missing, as a superuser, and puts owners and privileges in order. Safe to run at once from several processes.
///
/// # Errors
/// [`MigrateError`] when the database cannot be reached, lacks a role of [`ROLES`], or was migrated by newer code.
pub async fn migrate(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let migrated = MIGRATIONS.run(&mut *connection).await;
    // The library keeps its lock when a migration fails.
    let left = leave_nothing(connection).await;
    migrated?;
    left.map_err(sqlx::migrate::MigrateError::Execute)?;
    // Not once, as a migration is applied: a database that is restored may have all migrations and none of these.
    Ok(put_right(connection)
        .await
        .map_err(sqlx::migrate::MigrateError::Execute)?)
}
