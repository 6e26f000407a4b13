//! Brings an event store's database to the schema of this code.

use sqlx::PgConnection;
use sqlx::migrate::Migrator;

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

/// Applies the migrations that are missing, as the database's owner. Safe to run at once from several processes.
///
/// # Errors
/// [`MigrateError`] when the database cannot be reached, lacks a role of [`ROLES`], or was migrated by newer code.
pub async fn migrate(connection: &mut PgConnection) -> Result<(), MigrateError> {
    Ok(MIGRATIONS.run(connection).await?)
}
