//! What one test's processes share: databases and a vhost on the servers of all tests, and a home.

use std::thread;

use dev_stack::{TestHome, TestVhost, for_tests};
use sqlx::{Connection, Executor, PgConnection};
use tokio::process::Command;
use url::Url;
use uuid::Uuid;

use crate::child::marquee;

/// The same in all tests of all crates: roles belong to the server they share.
pub(crate) const PASSWORD: &str = "test";

/// Databases that the program makes under a prefix of the test's own; dropped with this value.
pub(crate) struct Deployment {
    server_url: String,
    prefix: String,
    pub(crate) home: TestHome,
    pub(crate) vhost: TestVhost,
}

impl Deployment {
    pub(crate) async fn create() -> Self {
        Self::create_on(for_tests().await.database_url()).await
    }

    /// Its databases are on another server than those of all tests.
    pub(crate) async fn create_on(server_url: &str) -> Self {
        Self {
            server_url: server_url.to_owned(),
            prefix: format!("p_{}", Uuid::new_v4().simple()),
            home: TestHome::create().await,
            vhost: TestVhost::create().await,
        }
    }

    /// From now on the test finds its databases on another server.
    pub(crate) fn move_to(&mut self, server_url: &str) {
        server_url.clone_into(&mut self.server_url);
    }

    /// The program, told where the servers are and what the databases are called.
    pub(crate) fn marquee(&self, arguments: &[&str]) -> Command {
        let mut command = marquee(arguments);
        command
            .env("MARQUEE_HOME", self.home.path())
            .env("MARQUEE_DATABASE_URL", &self.server_url)
            .env("MARQUEE_AMQP_URL", self.vhost.amqp_url())
            .env("MARQUEE_DATABASE_PREFIX", &self.prefix)
            .env("MARQUEE_LISTEN", "127.0.0.1:0");
        for role in ["COMMAND_API", "EVENT_RELAY", "USERS", "MOVIES", "CATALOG"] {
            command.env(format!("MARQUEE_{role}_PASSWORD"), PASSWORD);
        }
        command
    }

    /// The url of one of its databases, as a service's role.
    pub(crate) fn url_as(&self, database: &str, role: &str) -> String {
        let mut url = self.url(database);
        url.set_username(role).expect("the url has a host");
        url.set_password(Some(PASSWORD)).expect("the url has a host");
        url.into()
    }

    /// The url of one of its databases, as the superuser.
    pub(crate) fn superuser_url(&self, database: &str) -> String {
        self.url(database).into()
    }

    /// The event store, as the superuser.
    pub(crate) async fn event_store(&self) -> Result<PgConnection, sqlx::Error> {
        self.database("event_store").await
    }

    /// One of its databases, as the superuser.
    pub(crate) async fn database(&self, database: &str) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect(self.url(database).as_str()).await
    }

    /// Changes the event store as nobody may but whoever restores it: without its trigger.
    pub(crate) async fn tamper(&self, statement: &str) {
        let mut event_store = self.event_store().await.expect("the event store");
        for statement in ["SET session_replication_role = replica", statement] {
            event_store.execute(statement).await.expect(statement);
        }
        event_store.close().await.expect("closed");
    }

    /// Does something to a whole database, from another one: `{}` in the statement is what its name begins with.
    pub(crate) async fn to_database(&self, statement: &str) {
        let mut server = PgConnection::connect(&self.server_url).await.expect("the server");
        let statement = statement.replace("{}", &self.prefix);
        server.execute(statement.as_str()).await.expect("done");
        server.close().await.expect("closed");
    }

    fn url(&self, database: &str) -> Url {
        let mut url: Url = self.server_url.parse().expect("the url of the server");
        url.set_path(&format!("{}_{database}", self.prefix));
        url
    }
}

impl Drop for Deployment {
    /// On a thread of its own, for the test's runtime may be on its way out.
    fn drop(&mut self) {
        let (server_url, prefix) = (self.server_url.clone(), self.prefix.clone());
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut server = PgConnection::connect(&server_url).await?;
                for database in ["event_store", "users", "movies", "catalog"] {
                    let drop = format!(r#"DROP DATABASE IF EXISTS "{prefix}_{database}" WITH (FORCE)"#);
                    server.execute(drop.as_str()).await?;
                }
                server.close().await
            })
        });
        // What could not be dropped goes with the server.
        let _: Option<Result<(), sqlx::Error>> = dropping.join().ok();
    }
}
