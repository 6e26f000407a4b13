//! Makes a projection's database ready: owned by its role, closed to others, with the projection's row.

use service::database::{self, DatabaseUrl};
use session::leave_nothing;
use sqlx::migrate::Migrator;
use sqlx::{Connection, Executor, PgConnection};

use crate::{Name, privileges};

static USERS: Migrator = sqlx::migrate!("../migrations/users");
static MOVIES: Migrator = sqlx::migrate!("../migrations/movies");
static CATALOG: Migrator = sqlx::migrate!("../migrations/catalog");

/// Serialises concurrent migrations of one database; any constant of our own.
const ADVISORY_LOCK: i64 = 0x6d61_7271_7565_6501;

/// Why a projection's database could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A statement was refused, or the server could not be reached.
    #[error("the database of the projection {projection} could not be prepared")]
    Database {
        /// The projection.
        projection: &'static str,
        /// What the database said.
        source: sqlx::Error,
    },
    /// A migration failed, or one that was applied has changed since.
    #[error("the migrations of the projection {projection} could not be applied")]
    Migration {
        /// The projection.
        projection: &'static str,
        /// Which one, and why.
        source: sqlx::migrate::MigrateError,
    },
}

/// Makes the projection's database its role's own, closes it to everyone else, and applies the migrations as that role.
///
/// `admin_url` names the projection's database, which must exist as must the role ([`Name::role`]), and a user who may
/// give the database away. Safe to repeat and to run concurrently.
///
/// # Errors
/// [`MigrateError`]; what was done until then stays.
pub async fn migrate(name: Name, admin_url: &DatabaseUrl) -> Result<(), MigrateError> {
    let projection = name.as_str();
    let database = |source| MigrateError::Database { projection, source };
    let options = database::connect_options(admin_url, "marquee-migrate");
    let mut connection = options.connect().await.map_err(database)?;
    let migrated = migrate_in(name, &mut connection).await;
    let left = leave_nothing(&mut connection).await;
    migrated?;
    left.map_err(database)?;
    connection.close().await.map_err(database)
}

/// Leaves locks and the role in the session.
async fn migrate_in(name: Name, connection: &mut PgConnection) -> Result<(), MigrateError> {
    let projection = name.as_str();
    let database = |source| MigrateError::Database { projection, source };
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(ADVISORY_LOCK)
        .execute(&mut *connection)
        .await
        .map_err(database)?;
    own_database(connection, name.role()).await.map_err(database)?;
    let migrator = match name {
        Name::Users => &USERS,
        Name::Movies => &MOVIES,
        Name::Catalog => &CATALOG,
    };
    migrator
        .run_direct(connection)
        .await
        .map_err(|source| MigrateError::Migration { projection, source })
}

/// Hands over the database and what is in it, and goes on as its owner, so that whatever is made from here on is the owner's.
async fn own_database(connection: &mut PgConnection, role: &str) -> Result<(), sqlx::Error> {
    privileges::put_right(connection, role).await?;
    connection.execute(format!("SET ROLE {role}").as_str()).await?;
    Ok(())
}
