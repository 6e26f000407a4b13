//! The servers all tests share.

use std::env;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::amqp_probe;
use crate::error::{Server, StartError, with_causes};
use crate::instance::Keeping;
use crate::sources::{Search, Source};
use crate::testing::run::Run;

/// The superuser of a database server to be used instead of one of the run's own.
const DATABASE_VARIABLE: &str = "MARQUEE_TEST_DATABASE_URL";
/// The administrator of a broker to be used instead of one of the run's own.
const AMQP_VARIABLE: &str = "MARQUEE_TEST_AMQP_URL";
/// The management of that broker, if it is not at port 15672 of the same host.
const MANAGEMENT_VARIABLE: &str = "MARQUEE_TEST_MANAGEMENT_URL";
const STATE_FILE: &str = "servers.json";
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);

/// A PostgreSQL and a RabbitMQ for tests.
#[derive(Clone, Serialize, Deserialize)]
pub struct Servers {
    database_url: String,
    amqp_url: String,
    management_url: String,
    disposable_database: bool,
    disposable_broker: bool,
}

/// Gives the servers, starting them if this is the first test of the run. They are shared by all test processes of one
/// `cargo test` and stopped when the last of them (and its `cargo`) is gone.
///
/// `MARQUEE_TEST_DATABASE_URL`, and `MARQUEE_TEST_AMQP_URL` with `MARQUEE_TEST_MANAGEMENT_URL`, name servers to use instead. They
/// are not the variables of the program: those may name servers with data.
///
/// # Panics
///
/// When no server can be had, with the explanation.
pub async fn for_tests() -> &'static Servers {
    static SERVERS: OnceLock<Result<Servers, String>> = OnceLock::new();
    let servers = tokio::task::spawn_blocking(|| SERVERS.get_or_init(find)).await;
    match servers {
        Ok(Ok(servers)) => servers,
        #[expect(clippy::panic, reason = "without servers there is no test")]
        Ok(Err(explanation)) => panic!("{explanation}"),
        #[expect(clippy::panic, reason = "without servers there is no test")]
        Err(error) => panic!("the start of the servers was interrupted: {error}"),
    }
}

impl Servers {
    /// The url of the superuser on the database `postgres`.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// The url of the administrator on the vhost `/`.
    pub fn amqp_url(&self) -> &str {
        &self.amqp_url
    }

    /// Where the broker's management answers, without user and password: those are the ones of [`Self::amqp_url`].
    pub fn management_url(&self) -> &str {
        &self.management_url
    }

    /// Tells whether the database server itself is thrown away at the end of the run.
    pub(crate) fn has_disposable_database(&self) -> bool {
        self.disposable_database
    }

    /// Tells whether the broker itself is thrown away at the end of the run.
    pub(crate) fn has_disposable_broker(&self) -> bool {
        self.disposable_broker
    }
}

fn find() -> Result<Servers, String> {
    let database_url = given(DATABASE_VARIABLE);
    let amqp_url = given(AMQP_VARIABLE);
    if let (Some(database_url), Some(amqp_url)) = (&database_url, &amqp_url) {
        return Ok(Servers {
            database_url: database_url.clone(),
            management_url: given_management_url(amqp_url)?,
            amqp_url: amqp_url.clone(),
            disposable_database: false,
            disposable_broker: false,
        });
    }
    let started = Run::join().and_then(|run| shared(run).map_err(|error| with_causes(&error)))?;
    Ok(Servers {
        disposable_database: database_url.is_none(),
        disposable_broker: amqp_url.is_none(),
        management_url: amqp_url
            .as_deref()
            .map_or(Ok(started.management_url), given_management_url)?,
        database_url: database_url.unwrap_or(started.database_url),
        amqp_url: amqp_url.unwrap_or(started.amqp_url),
    })
}

fn given(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

/// The management of a given broker: named too, or where it is by default.
fn given_management_url(amqp_url: &str) -> Result<String, String> {
    if let Some(url) = given(MANAGEMENT_VARIABLE) {
        return Ok(url);
    }
    let url = Url::parse(amqp_url).map_err(|error| format!("{AMQP_VARIABLE} is no url: {error}"))?;
    Ok(format!("http://{}:15672", url.host_str().unwrap_or("localhost")))
}

/// Finds the run's servers, or starts them, while all other processes wait.
fn shared(run: &Run) -> Result<Servers, StartError> {
    let _locked = run.lock()?;
    let state = run.directory.join(STATE_FILE);
    let known = fs::read_to_string(&state)
        .ok()
        .and_then(|text| serde_json::from_str::<Servers>(&text).ok());
    if let Some(servers) = known.filter(answers) {
        return Ok(servers);
    }
    let servers = start(&run.directory)?;
    let text = serde_json::to_string(&servers).unwrap_or_default();
    fs::write(&state, text).map_err(StartError::file("writing", &state))?;
    Ok(servers)
}

fn answers(servers: &Servers) -> bool {
    amqp_probe::log_in(&servers.amqp_url, PROBE_TIMEOUT).is_ok()
}

fn start(home: &Path) -> Result<Servers, StartError> {
    #[expect(
        clippy::print_stderr,
        reason = "a person waits for the tests and wants to know for what"
    )]
    let search = Search {
        allow_install: true,
        replicated: false,
        progress: &|line| eprintln!("{line}"),
    };
    let sources = search.find(&[Server::PostgreSql, Server::RabbitMq])?;
    let start = |source: &Source, name: &str| source.start(home, name, Keeping::Disposable);
    let (postgres, rabbit) = thread::scope(|scope| {
        let postgres = scope.spawn(|| start(&sources[0], "postgres"));
        let rabbit = start(&sources[1], "rabbitmq");
        (postgres.join().expect("starting a server does not panic"), rabbit)
    });
    let (postgres, rabbit) = (postgres?, rabbit?);
    Ok(Servers {
        database_url: postgres.url(),
        amqp_url: rabbit.url(),
        management_url: rabbit.management_url().unwrap_or_default(),
        disposable_database: true,
        disposable_broker: true,
    })
}
