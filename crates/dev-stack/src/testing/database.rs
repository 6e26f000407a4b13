//! A database of its own for each test.

use std::future::Future;
use std::thread;

use sqlx::{Connection, Executor, PgConnection};
use url::Url;
use uuid::Uuid;

use crate::testing::lease;
use crate::testing::servers::for_tests;

const NAME_BYTES_MAX: usize = 63;

/// A fresh database, dropped with all its connections when this value is.
pub struct TestDatabase {
    server_url: String,
    /// Whether the server itself is thrown away soon.
    disposable_server: bool,
    name: String,
}

impl TestDatabase {
    /// Creates an empty database whose name begins with `prefix`.
    ///
    /// # Panics
    ///
    /// When there is no server or the database cannot be created.
    pub async fn create(prefix: &str) -> Self {
        let servers = for_tests().await;
        Self::create_from(
            servers.database_url(),
            servers.has_disposable_database(),
            prefix,
            "template1",
        )
        .await
    }

    /// Creates an empty database on another server, such as a [`PrivatePostgres`](crate::PrivatePostgres), given the url
    /// of its superuser.
    ///
    /// # Panics
    ///
    /// When the database cannot be created.
    pub async fn create_on(server_url: &str, prefix: &str) -> Self {
        Self::create_from(server_url, true, prefix, "template1").await
    }

    /// Creates a database as `build` would make it from an empty one, given the url of the superuser. It is built once
    /// per run of the tests and `name`, and copied for each test: a few migrations cost far more than a copy.
    ///
    /// # Panics
    ///
    /// When there is no server, the database cannot be created, or `build` fails.
    pub async fn create_built<F, E>(name: &str, build: impl FnOnce(String) -> F) -> Self
    where
        F: Future<Output = Result<(), E>>,
        E: std::fmt::Display,
    {
        let servers = for_tests().await;
        if !servers.has_disposable_database() {
            // On a server that outlives the run a template would stay behind, and be used when it is out of date.
            let database = Self::create(name).await;
            expect(build(database.url()).await, "building the database");
            return database;
        }
        let template = template_name(name);
        let mut admin = connect(servers.database_url()).await;
        // Held until the connection ends: the first builds, the others wait.
        let locked = sqlx::query("SELECT pg_advisory_lock(hashtextextended($1, 0))")
            .bind(&template)
            .execute(&mut admin)
            .await;
        expect(locked, "locking the template");
        let found = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1")
            .bind(&template)
            .fetch_optional(&mut admin);
        if expect(found.await, "looking for the template").is_none() {
            let unfinished = Self::create(&format!("{name}_unfinished")).await;
            expect(build(unfinished.url()).await, "building the template");
            unfinished.terminate_connections().await;
            let rename = format!(r#"ALTER DATABASE "{}" RENAME TO "{template}""#, unfinished.name);
            expect(admin.execute(rename.as_str()).await, "finishing the template");
        }
        let _ = admin.close().await;
        Self::create_from(servers.database_url(), true, name, &template).await
    }

    async fn create_from(server_url: &str, disposable_server: bool, prefix: &str, template: &str) -> Self {
        let unique = Uuid::new_v4().simple().to_string();
        let mut name: String = prefix
            .chars()
            .filter(|character| character.is_ascii_alphanumeric() || *character == '_')
            .collect();
        name.truncate(NAME_BYTES_MAX - unique.len() - 1);
        let name = format!("{name}_{unique}");
        let mut admin = connect(server_url).await;
        let create = format!(r#"CREATE DATABASE "{name}" TEMPLATE "{template}""#);
        expect(admin.execute(create.as_str()).await, "creating a database");
        let _ = admin.close().await;
        Self {
            server_url: server_url.to_owned(),
            disposable_server,
            name,
        }
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The url of the superuser on this database.
    pub fn url(&self) -> String {
        on_database(&self.server_url, &self.name).into()
    }

    /// The url of another role on this database.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        let mut url = on_database(&self.server_url, &self.name);
        // Neither can be refused: the url has a host.
        let _ = url.set_username(user);
        let _ = url.set_password(Some(password));
        url.into()
    }

    /// Ends all connections to the database but does not keep new ones away.
    pub async fn terminate_connections(&self) {
        let mut admin = connect(&self.server_url).await;
        // The wait makes sure that the backends are gone, not only told to go.
        let ended = sqlx::query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1")
            .bind(&self.name)
            .execute(&mut admin);
        expect(ended.await, "ending connections");
        let _ = admin.close().await;
    }
}

impl Drop for TestDatabase {
    /// Drops the database from a thread of its own, for the test's runtime may be on its way out. Nobody waits for it
    /// when the server itself is soon thrown away.
    fn drop(&mut self) {
        let server_url = self.server_url.clone();
        let statement = format!(r#"DROP DATABASE IF EXISTS "{}" WITH (FORCE)"#, self.name);
        let thread = thread::Builder::new().name("drop-database".to_owned()).spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                return;
            };
            runtime.block_on(async {
                if let Ok(mut admin) = PgConnection::connect(&server_url).await {
                    let _ = admin.execute(statement.as_str()).await;
                    let _ = admin.close().await;
                }
            });
        });
        if let (Ok(thread), false) = (thread, self.disposable_server) {
            let _ = thread.join();
        }
    }
}

/// One per run: the servers may serve the next run too when it begins before they are stopped, and its code may build
/// something else.
fn template_name(name: &str) -> String {
    let own = crate::process::ProcessId::find(std::process::id());
    let run = lease::runner().or(own).map(lease::file_name).unwrap_or_default();
    format!("template_{name}_{run}")
}

fn on_database(server_url: &str, name: &str) -> Url {
    let mut url = expect(Url::parse(server_url), "reading the url of the database server");
    url.set_path(name);
    url
}

async fn connect(url: &str) -> PgConnection {
    expect(PgConnection::connect(url).await, "connecting to the database server")
}

#[expect(clippy::panic, reason = "a test cannot go on without its database")]
pub(super) fn expect<T, E: std::fmt::Display>(result: Result<T, E>, action: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{action} failed: {error}"),
    }
}
