//! Servers of a single test's own, to be stopped, killed and started again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection};

use crate::account::Account;
use crate::binaries::PostgresBinaries;
use crate::error::{Server, StartError, with_causes};
use crate::instance::{Instance, Keeping};
use crate::place::{CERTIFICATE_FILE, KEY_FILE, Place};
use crate::postgres::{PostgresServer, Primary};
use crate::rabbit::NODE;
use crate::sources::Search;
use crate::testing::run::Run;

/// How long a standby may take to get what its primary has.
const STANDBY_TIMEOUT: Duration = Duration::from_secs(120);
const STANDBY_POLL: Duration = Duration::from_millis(10);

/// What a server proves with who it is, in PEM form.
#[derive(Clone, Debug)]
pub struct TlsIdentity {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// A PostgreSQL server of one test's own; ended and removed on drop.
///
/// Its methods panic when the server cannot be had: a test cannot go on then.
pub struct PrivatePostgres(PrivateServer);

impl PrivatePostgres {
    /// Starts a fresh server.
    pub async fn start() -> Self {
        Self(PrivateServer::start(Server::PostgreSql, None).await)
    }

    /// Starts a fresh server that also speaks TLS.
    pub async fn start_with_tls(identity: TlsIdentity) -> Self {
        Self(PrivateServer::start(Server::PostgreSql, Some(identity)).await)
    }

    /// Gives it another certificate, which counts from its next start on.
    pub async fn change_certificate(&mut self, identity: TlsIdentity) {
        self.0.change_certificate(identity).await;
    }

    /// The url of the superuser on the database `postgres`; the same after a restart.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Stops the server in an orderly way: open transactions are rolled back.
    pub async fn stop(&mut self) {
        self.0.run(|instance| instance.stop()).await;
    }

    /// Kills all processes of the server at once. What was committed survives.
    pub async fn kill(&mut self) {
        self.0.run(|instance| instance.kill()).await;
    }

    /// Starts the server again, on the same port.
    pub async fn start_again(&mut self) {
        self.0.start_again().await;
    }

    /// Starts a standby of this server: a copy that follows it, and only reads until it is [promoted](Self::promote).
    /// This needs the programs of PostgreSQL on this machine.
    pub async fn start_standby(&self) -> Self {
        let options: PgConnectOptions = proceed(self.url().parse().map_err(|error: sqlx::Error| error.to_string()));
        let (_, password) = self
            .url()
            .split_once("://")
            .and_then(|(_, rest)| rest.split_once(':'))
            .unwrap_or_default();
        let (password, _) = password.split_once('@').unwrap_or_default();
        let password = password.to_owned();
        let start = move |directory: &Path, name: &str| {
            let place = Place::make(directory, name, Account::for_server("postgres"))?;
            let primary = Primary {
                port: options.get_port(),
                password: &password,
                is_synchronous: false,
            };
            let available = PostgresBinaries::find_all();
            let standby = PostgresServer::start_standby(place, &available, Keeping::Disposable, &primary)?;
            Ok(Box::new(standby) as Box<dyn Instance>)
        };
        Self(PrivateServer::start_with(start).await)
    }

    /// From now on each commit here waits until a standby has it; or, if not `synchronous`, no longer.
    pub async fn set_synchronous(&self, synchronous: bool) {
        let names = if synchronous { "'*'" } else { "''" };
        self.configure(&format!("ALTER SYSTEM SET synchronous_standby_names = {names}"))
            .await;
    }

    /// Cuts this standby off from its primary: it gets nothing more, and can still be promoted.
    pub async fn stop_streaming(&self) {
        self.configure("ALTER SYSTEM SET primary_conninfo = ''").await;
        self.until("SELECT count(*) = 0 FROM pg_stat_wal_receiver").await;
    }

    /// Makes this standby a primary: it accepts writes when this returns.
    pub async fn promote(&self) {
        self.until("SELECT CASE WHEN pg_is_in_recovery() THEN pg_promote(true, 30) ELSE true END")
            .await;
    }

    /// Changes the configuration, and waits until it is in force for new sessions.
    async fn configure(&self, statement: &str) {
        let mut connection = self.connection().await;
        proceed(connection.execute(statement).await.map_err(|error| error.to_string()));
        let (name, _) = statement
            .trim_start_matches("ALTER SYSTEM SET ")
            .split_once(" = ")
            .unwrap_or_default();
        let loaded = format!(
            "SELECT pg_reload_conf() AND pending.setting IS NOT DISTINCT FROM current_setting('{name}')
             FROM (SELECT setting FROM pg_file_settings WHERE name = '{name}' ORDER BY seqno DESC LIMIT 1) pending"
        );
        self.until(&loaded).await;
    }

    /// Asks, each time in a session of its own, until the answer is yes.
    async fn until(&self, question: &str) {
        let asking = async {
            loop {
                let mut connection = self.connection().await;
                let answer: Result<bool, sqlx::Error> = sqlx::query_scalar(question).fetch_one(&mut connection).await;
                let _ = connection.close().await;
                if proceed(answer.map_err(|error| error.to_string())) {
                    return;
                }
                tokio::time::sleep(STANDBY_POLL).await;
            }
        };
        let asked = tokio::time::timeout(STANDBY_TIMEOUT, asking).await;
        proceed(asked.map_err(|_| format!("the server never answered yes to: {question}")));
    }

    async fn connection(&self) -> PgConnection {
        proceed(
            PgConnection::connect(self.url())
                .await
                .map_err(|error| error.to_string()),
        )
    }
}

/// A RabbitMQ node of one test's own; ended and removed on drop.
///
/// Its methods panic when the node cannot be had: a test cannot go on then.
pub struct PrivateRabbit(PrivateServer);

impl PrivateRabbit {
    /// Starts a fresh node.
    pub async fn start() -> Self {
        Self(PrivateServer::start(Server::RabbitMq, None).await)
    }

    /// Starts a fresh node that also speaks TLS.
    pub async fn start_with_tls(identity: TlsIdentity) -> Self {
        Self(PrivateServer::start(Server::RabbitMq, Some(identity)).await)
    }

    /// Starts a fresh node that takes a message away from a consumer which has not acknowledged it for so long, and looks for
    /// such consumers each second.
    pub async fn start_with_consumer_timeout(timeout: Duration) -> Self {
        let lines = format!("consumer_timeout = {}\n", timeout.as_millis());
        let start = move |directory: &Path, name: &str| {
            let search = Search {
                allow_install: true,
                replicated: false,
                progress: &|_| {},
            };
            let source = search.find(&[Server::RabbitMq])?.swap_remove(0);
            source.give_configuration(directory, name, &lines)?;
            source.start(directory, name, Keeping::Disposable)
        };
        Self(PrivateServer::start_with(start).await)
    }

    /// The port for TLS of a node that was started with it.
    pub fn tls_port(&self) -> Option<u16> {
        self.0.tls_port
    }

    /// The url of the administrator on the vhost `/`; the same after a restart.
    pub fn amqp_url(&self) -> &str {
        &self.0.url
    }

    /// Where the management answers, for the same user; the same after a restart.
    pub fn management_url(&self) -> &str {
        &self.0.management_url
    }

    /// Stops the node in an orderly way.
    pub async fn stop(&mut self) {
        self.0.run(|instance| instance.stop()).await;
    }

    /// Kills the node at once. Durable queues keep their persistent messages.
    pub async fn kill(&mut self) {
        self.0.run(|instance| instance.kill()).await;
    }

    /// Lets the killed node forget which log is whose of its quorum queues, as a kill in the second after their declaration
    /// does: it has not synced that register to disk yet. They come back with empty members that elect no leader.
    pub fn forget_quorum_queues(&self) {
        let register = self
            .0
            .directory
            .join("data")
            .join(NODE)
            .join("quorum")
            .join(NODE)
            .join("names.dets");
        proceed(fs::remove_file(&register).map_err(|error| format!("removing {}: {error}", register.display())));
    }

    /// Starts the node again, on the same ports.
    pub async fn start_again(&mut self) {
        self.0.start_again().await;
    }
}

struct PrivateServer {
    /// Absent only while one of the methods works with it.
    instance: Option<Box<dyn Instance>>,
    directory: PathBuf,
    url: String,
    management_url: String,
    tls_port: Option<u16>,
}

impl PrivateServer {
    async fn start(server: Server, identity: Option<TlsIdentity>) -> Self {
        let start = move |directory: &Path, name: &str| {
            let search = Search {
                allow_install: true,
                replicated: false,
                progress: &|_| {},
            };
            let sources = search.find(&[server])?;
            if let Some(TlsIdentity { certificate, key }) = &identity {
                sources[0].give_certificate(directory, name, certificate, key)?;
            }
            sources[0].start(directory, name, Keeping::Disposable)
        };
        Self::start_with(start).await
    }

    /// Starts an instance in the directory and by the name that `start` is given.
    async fn start_with(
        start: impl FnOnce(&Path, &str) -> Result<Box<dyn Instance>, StartError> + Send + 'static,
    ) -> Self {
        let started = tokio::task::spawn_blocking(move || Self::start_blocking(start)).await;
        proceed(started.map_err(|error| error.to_string()).and_then(|result| result))
    }

    fn start_blocking(
        start: impl FnOnce(&Path, &str) -> Result<Box<dyn Instance>, StartError>,
    ) -> Result<Self, String> {
        // In the directory of the run: its watchdog ends this server too when the test does not come to it.
        let run = Run::join()?;
        let name = format!("private-{}", uuid::Uuid::new_v4().simple());
        let instance = start(&run.directory, &name).map_err(|error| with_causes(&error))?;
        Ok(Self {
            directory: run.directory.join(&name),
            url: instance.url(),
            management_url: instance.management_url().unwrap_or_default(),
            tls_port: instance.tls_port(),
            instance: Some(instance),
        })
    }

    /// Works with the instance where blocking is allowed.
    async fn run<T: Send + 'static>(&mut self, work: impl FnOnce(&mut dyn Instance) -> T + Send + 'static) -> T {
        let mut instance = self.instance.take().expect("the instance is put back after each use");
        let worked = tokio::task::spawn_blocking(move || {
            let result = work(instance.as_mut());
            (instance, result)
        });
        let (instance, result) = proceed(worked.await.map_err(|error| error.to_string()));
        self.instance = Some(instance);
        result
    }

    /// Over the old files, so that they stay those of the server's account.
    async fn change_certificate(&mut self, TlsIdentity { certificate, key }: TlsIdentity) {
        for (name, text) in [(CERTIFICATE_FILE, certificate), (KEY_FILE, key)] {
            let written = tokio::fs::write(self.directory.join(name), text).await;
            proceed(written.map_err(|error| error.to_string()));
        }
    }

    async fn start_again(&mut self) {
        let started = self
            .run(|instance| instance.start_again().map(|()| instance.url()))
            .await;
        let url = proceed(started.map_err(|error| with_causes(&error)));
        assert_eq!(
            url, self.url,
            "another process took the server's port while it was stopped"
        );
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        if let Some(instance) = &mut self.instance {
            instance.kill();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[expect(clippy::panic, reason = "a test cannot go on without its server")]
pub(super) fn proceed<T>(result: Result<T, String>) -> T {
    match result {
        Ok(value) => value,
        Err(explanation) => panic!("{explanation}"),
    }
}
