//! Which databases a command works on: those it is given, else those of the `marquee up` that runs in the home.

use std::path::PathBuf;

use clap::Args;
use projections::Name;
use service::database::{DatabaseUrl, refuse_shared_sessions};

use crate::deployment::Deployment;
use crate::failure::Failure;
use crate::provision::DatabasePrefix;

/// Where a running deployment is looked for.
#[derive(Args, Clone, Debug)]
pub(crate) struct HomeArgs {
    /// The home in which a running `marquee up` is looked for [default: target/marquee of the checkout]
    #[arg(long, env = "MARQUEE_HOME", value_name = "DIRECTORY")]
    home: Option<PathBuf>,
}

/// The event store, for reading.
#[derive(Args, Clone, Debug)]
pub(crate) struct EventStoreArgs {
    /// The event store's database, as the role `marquee_event_relay`; not given, that of the `marquee up` in the home
    #[arg(long, env = "MARQUEE_EVENT_STORE_URL", value_name = "URL", hide_env_values = true)]
    event_store_url: Option<DatabaseUrl>,
    #[command(flatten)]
    home: HomeArgs,
}

/// The projections' databases.
#[derive(Args, Clone, Debug)]
pub(crate) struct ProjectionUrlArgs {
    /// Database of the projection `users`, as the role `marquee_users`; not given, as above
    #[arg(long, env = "MARQUEE_USERS_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    users_database_url: Option<DatabaseUrl>,
    /// Database of the projection `movies`, as the role `marquee_movies`; not given, as above
    #[arg(
        long,
        env = "MARQUEE_MOVIES_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    movies_database_url: Option<DatabaseUrl>,
    /// Database of the projection `catalog`, as the role `marquee_catalog`; not given, as above
    #[arg(
        long,
        env = "MARQUEE_CATALOG_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    catalog_database_url: Option<DatabaseUrl>,
}

/// The event store and the projections.
#[derive(Args, Clone, Debug)]
pub(crate) struct DatabaseArgs {
    #[command(flatten)]
    event_store: EventStoreArgs,
    #[command(flatten)]
    projections: ProjectionUrlArgs,
}

/// The database server, for what no service may do.
#[derive(Args, Clone, Debug)]
pub(crate) struct SuperuserArgs {
    /// The PostgreSQL server, as a superuser; not given, that of the `marquee up` in the home
    #[arg(long, env = "MARQUEE_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<DatabaseUrl>,
    #[command(flatten)]
    prefix: DatabasePrefix,
    #[command(flatten)]
    home: HomeArgs,
}

/// What was found.
#[derive(Clone, Debug)]
pub(crate) struct Databases {
    pub(crate) event_store: DatabaseUrl,
    /// None for a projection whose database nobody has named.
    pub(crate) projections: Vec<(Name, Option<DatabaseUrl>)>,
}

impl HomeArgs {
    fn running(&self) -> Result<Option<Deployment>, Failure> {
        let home = self.home.clone().unwrap_or_else(dev_stack::default_home);
        Ok(Deployment::running(&home)?)
    }
}

impl ProjectionUrlArgs {
    fn given(&self, name: Name) -> Option<&DatabaseUrl> {
        match name {
            Name::Users => self.users_database_url.as_ref(),
            Name::Movies => self.movies_database_url.as_ref(),
            Name::Catalog => self.catalog_database_url.as_ref(),
        }
    }
}

impl EventStoreArgs {
    /// # Errors
    /// A wrong use, when none is given and nothing runs, or its sessions are shared.
    pub(crate) async fn url(&self) -> Result<DatabaseUrl, Failure> {
        let url = self.url_unchecked()?;
        refuse_shared_sessions("MARQUEE_EVENT_STORE_URL", &url).await?;
        Ok(url)
    }

    fn url_unchecked(&self) -> Result<DatabaseUrl, Failure> {
        match &self.event_store_url {
            Some(url) => Ok(url.clone()),
            None => self
                .home
                .running()?
                .map(|running| running.event_store_url)
                .ok_or_else(|| {
                    nothing_runs(
                        "--event-store-url (MARQUEE_EVENT_STORE_URL)",
                        "the event store's database",
                    )
                }),
        }
    }
}

impl DatabaseArgs {
    /// A given event store is another deployment than the one that runs here: its projections must be given too.
    ///
    /// # Errors
    /// A wrong use, when no event store is given and nothing runs, or the sessions of a database are shared.
    pub(crate) async fn databases(&self) -> Result<Databases, Failure> {
        let running = match self.event_store.event_store_url {
            Some(_) => None,
            None => self.event_store.home.running()?,
        };
        let event_store = match &running {
            Some(running) => running.event_store_url.clone(),
            None => self.event_store.url_unchecked()?,
        };
        let projections = Name::ALL.map(|name| {
            let running = running.as_ref().and_then(|running| running.projection(name));
            let url = self.projections.given(name).or(running.map(|urls| &urls.database_url));
            (name, url.cloned())
        });
        refuse_shared_sessions("MARQUEE_EVENT_STORE_URL", &event_store).await?;
        for (name, url) in &projections {
            if let Some(url) = url {
                refuse_shared_sessions(name.database_variable(), url).await?;
            }
        }
        Ok(Databases {
            event_store,
            projections: projections.into(),
        })
    }
}

impl SuperuserArgs {
    /// The event store's database, as the superuser.
    ///
    /// # Errors
    /// A wrong use, when no server is given and nothing runs.
    pub(crate) fn event_store(&self) -> Result<DatabaseUrl, Failure> {
        if let Some(server) = &self.database_url {
            return Ok(server.with_database(&self.prefix.event_store()));
        }
        let running = self.home.running()?;
        let running = running.ok_or_else(|| {
            nothing_runs(
                "--database-url (MARQUEE_DATABASE_URL)",
                "the database server's superuser",
            )
        })?;
        let database = format!("{}_event_store", running.database_prefix);
        Ok(running.database_url.with_database(&database))
    }
}

fn nothing_runs(setting: &str, what: &str) -> Failure {
    Failure::usage(format!(
        "required, but not set: {setting}, the url of {what}. No marquee up runs in the home, whose url it would be"
    ))
}
