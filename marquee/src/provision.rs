//! The databases and roles of a deployment: made when they are missing, migrated when they are older than this code.

use clap::Args;
use event_store::ROLES;
use projections::Name;
use service::database::{DatabaseUrl, connect_options, ensure_database, ensure_role};
use sqlx::Connection;

use crate::passwords::RolePasswords;

const COMMAND_API: &str = "marquee_command_api";
/// The role of the relay, and its user on the broker.
pub(crate) const EVENT_RELAY: &str = "marquee_event_relay";

/// What the names of a deployment's databases begin with.
#[derive(Args, Clone, Debug)]
pub(crate) struct DatabasePrefix {
    /// What the names of the databases begin with, for several deployments on one server
    #[arg(long, env = "MARQUEE_DATABASE_PREFIX", default_value = DEFAULT_PREFIX, value_name = "PREFIX", value_parser = prefix)]
    database_prefix: String,
}

const DEFAULT_PREFIX: &str = "marquee";

impl Default for DatabasePrefix {
    fn default() -> Self {
        Self {
            database_prefix: DEFAULT_PREFIX.to_owned(),
        }
    }
}

fn prefix(text: &str) -> Result<String, &'static str> {
    let fits = (1..=40).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .chars()
            .all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_');
    if fits {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 40 characters of a-z, 0-9 and _, beginning with a letter")
    }
}

impl DatabasePrefix {
    pub(crate) fn event_store(&self) -> String {
        format!("{}_event_store", self.database_prefix)
    }

    fn projection(&self, name: Name) -> String {
        format!("{}_{}", self.database_prefix, name.as_str())
    }
}

/// Why a deployment could not be made ready.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProvisionError {
    #[error("the database server could not be reached with the given url")]
    Connect(#[source] sqlx::Error),
    #[error("the role {role} could not be made")]
    Role { role: &'static str, source: sqlx::Error },
    #[error("the database {database} could not be made")]
    Database { database: String, source: sqlx::Error },
    #[error("the event store could not be migrated")]
    EventStore(#[source] event_store::MigrateError),
    #[error("a projection could not be migrated")]
    Projection(#[source] projections::MigrateError),
}

/// The urls with which each service reaches its databases, as its own role.
#[derive(Clone, Debug)]
pub(crate) struct Urls {
    server: DatabaseUrl,
    prefix: DatabasePrefix,
    passwords: RolePasswords,
}

impl Urls {
    pub(crate) fn new(server: DatabaseUrl, prefix: DatabasePrefix, passwords: RolePasswords) -> Self {
        Self {
            server,
            prefix,
            passwords,
        }
    }

    /// Makes everything ready that these lead to, as [`provision`].
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn provision(&self) -> Result<(), ProvisionError> {
        provision(&self.server, &self.prefix, &self.passwords).await
    }

    /// The server as its superuser, and what the names of the deployment's databases begin with.
    pub(crate) fn server(&self) -> (DatabaseUrl, &str) {
        (self.server.clone(), &self.prefix.database_prefix)
    }

    pub(crate) fn command_api_event_store(&self) -> DatabaseUrl {
        self.of(&self.prefix.event_store(), COMMAND_API)
    }

    pub(crate) fn event_relay_event_store(&self) -> DatabaseUrl {
        self.of(&self.prefix.event_store(), EVENT_RELAY)
    }

    pub(crate) fn projection_event_store(&self, name: Name) -> DatabaseUrl {
        self.of(&self.prefix.event_store(), name.role())
    }

    pub(crate) fn projection_database(&self, name: Name) -> DatabaseUrl {
        self.of(&self.prefix.projection(name), name.role())
    }

    fn of(&self, database: &str, role: &'static str) -> DatabaseUrl {
        let url = self.server.with_database(database);
        url.with_credentials(role, self.passwords.of(role).unwrap_or_default())
    }
}

/// Makes roles and databases and migrates them. Safe to repeat, and to run from several processes at once.
///
/// `server` names a database to start from, usually `postgres`, and a user who may create roles and databases. A role
/// without a password in `passwords` keeps the one it has.
///
/// # Errors
/// [`ProvisionError`]; what was done until then stays.
pub(crate) async fn provision(
    server: &DatabaseUrl,
    prefix: &DatabasePrefix,
    passwords: &RolePasswords,
) -> Result<(), ProvisionError> {
    let mut admin = connect_options(server, "marquee-migrate")
        .connect()
        .await
        .map_err(ProvisionError::Connect)?;
    for role in ROLES {
        let made = ensure_role(&mut admin, role, passwords.of(role)).await;
        made.map_err(|source| ProvisionError::Role { role, source })?;
    }
    let databases = std::iter::once(prefix.event_store()).chain(Name::ALL.map(|name| prefix.projection(name)));
    for database in databases {
        let made = ensure_database(&mut admin, &database).await;
        made.map_err(|source| ProvisionError::Database { database, source })?;
    }
    admin.close().await.map_err(ProvisionError::Connect)?;

    let options = connect_options(&server.with_database(&prefix.event_store()), "marquee-migrate");
    let mut event_store = options.connect().await.map_err(ProvisionError::Connect)?;
    event_store::migrate(&mut event_store)
        .await
        .map_err(ProvisionError::EventStore)?;
    event_store.close().await.map_err(ProvisionError::Connect)?;

    for name in Name::ALL {
        let url = server.with_database(&prefix.projection(name));
        projections::migrate(name, &url)
            .await
            .map_err(ProvisionError::Projection)?;
    }
    Ok(())
}
