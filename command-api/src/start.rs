//! Putting the command API together, and running it as a process of its own.

use std::sync::Arc;
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use event_store::{Connect, EventStore, Hint, LogReader, StoreConfig, Writer, WriterConfig};
use service::database::{self, DatabaseUrl, PoolOptions};
use service::{Check, ServeError, Service, Task, serve};
use sqlx::{Connection, PgPool};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::execute::CommandApi;
use crate::idempotency::{RequestHasher, forget_old_keys};
use crate::{CommandApiArgs, cinemas, documentation, log, metric, movies, users};

const NAME: &str = "command-api";

/// How long the event store may take to come up before the command API gives up starting.
const START_TIMEOUT: Duration = Duration::from_secs(15);
const START_RETRY_DELAY: Duration = Duration::from_millis(250);
const START_ATTEMPTS_MAX: usize = 60;

/// Why the command API did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The event store cannot be used: it does not answer, refuses the login, or is not migrated.
    #[error("the event store at {url} cannot be used (MARQUEE_EVENT_STORE_URL)")]
    EventStore {
        /// Where it should be.
        url: DatabaseUrl,
        /// What its database said.
        #[source]
        source: sqlx::Error,
    },
    /// The event store does not answer.
    #[error("the event store at {0} does not answer (MARQUEE_EVENT_STORE_URL)")]
    EventStoreSilent(DatabaseUrl),
}

/// Why the command API, as a process of its own, ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It did not start.
    #[error("the command API did not start")]
    Start(#[from] StartError),
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address} (MARQUEE_LISTEN)")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// It ended while it was serving.
    #[error("the command API stopped serving")]
    Serve(#[from] ServeError),
}

/// Runs the command API until `shutdown` is cancelled; every command that was answered as accepted is in the log.
///
/// # Errors
/// [`RunError`].
pub async fn run(args: CommandApiArgs, shutdown: CancellationToken) -> Result<(), RunError> {
    let address = args.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| RunError::Listen { address, source })?;
    let service = service(args).await?;
    Ok(serve(listener, vec![service], shutdown).await?)
}

/// Makes the command API: its routes, and the event store's writer among its tasks.
///
/// Must be called inside a tokio runtime.
///
/// # Errors
/// [`StartError`] when the event store cannot be used within 15 seconds.
pub async fn service(args: CommandApiArgs) -> Result<Service, StartError> {
    assemble(args, None).await
}

/// As [`service`], with a signal after every append, for a relay in the same process.
///
/// # Errors
/// [`StartError`] when the event store cannot be used within 15 seconds.
pub async fn service_waking(args: CommandApiArgs, appended: Arc<Hint>) -> Result<Service, StartError> {
    assemble(args, Some(appended)).await
}

async fn assemble(args: CommandApiArgs, appended: Option<Arc<Hint>>) -> Result<Service, StartError> {
    metric::describe();
    await_event_store(&args.event_store_url).await?;
    let options = PoolOptions {
        application_name: NAME,
        connections_max: args.tuning.command_connections,
        ..PoolOptions::default()
    };
    let (pool, moves) = database::pool_and_moves(&args.event_store_url, options);
    let (store, writer) = event_store(&args, pool.clone(), moves, appended);
    let api = CommandApi {
        store: store.clone(),
        hasher: RequestHasher::new(args.tuning.idempotency_secret.expose()),
    };
    Ok(Service {
        name: NAME,
        answers_for: vec![NAME],
        router: router()
            .with_state(api)
            .merge(log::router(LogReader::new(pool.clone()))),
        checks: vec![event_store_check(pool), time_zones_check()],
        tasks: tasks(
            writer,
            store,
            Duration::from_secs(u64::from(args.tuning.idempotency_hours) * 3600),
        ),
    })
}

fn event_store(
    args: &CommandApiArgs,
    pool: PgPool,
    moves: watch::Receiver<Option<Instant>>,
    appended: Option<Arc<Hint>>,
) -> (EventStore, Writer) {
    let writer = WriterConfig {
        queue_commands_max: args.tuning.writer_queue as usize,
        append_timeout: Duration::from_millis(args.tuning.append_timeout_ms),
        appended,
        ..WriterConfig::default()
    };
    let writing = database::connect_options(&args.event_store_url, "command-api writer");
    EventStore::new(
        pool,
        Connect::new(writing.into_function()).following(moves),
        StoreConfig {
            writer,
            ..StoreConfig::default()
        },
    )
}

fn router() -> OpenApiRouter<CommandApi> {
    let mut router = users::router().merge(movies::router()).merge(cinemas::router());
    documentation::finish(router.get_openapi_mut());
    router
}

fn tasks(writer: Writer, store: EventStore, idempotency_age: Duration) -> Vec<Task> {
    vec![
        Task::new("event-store-writer", |stop| async move {
            writer.run(stop).await;
            Ok(())
        }),
        Task::new("idempotency-key-clean-up", move |stop| async move {
            forget_old_keys(store, idempotency_age, stop).await;
            Ok(())
        }),
    ]
}

fn event_store_check(pool: PgPool) -> Check {
    let log = LogReader::new(pool);
    Check::required("event_store", move || {
        let log = log.clone();
        async move {
            let head = log.head().await.map_err(|error| error.to_string())?;
            Ok(format!("log {} at position {}", head.log_id, head.position.0))
        }
    })
}

/// Tells which zones a cinema may be in; they are in memory.
fn time_zones_check() -> Check {
    Check::informative("time_zones", || async { Ok(time_zones::in_use().to_string()) })
}

/// Waits for the event store to come up. What will not change by waiting, such as a refused login, ends it at once.
async fn await_event_store(url: &DatabaseUrl) -> Result<(), StartError> {
    let retry = ConstantBuilder::new()
        .with_delay(START_RETRY_DELAY)
        .with_max_times(START_ATTEMPTS_MAX);
    let attempts = (|| probe(url)).retry(retry).when(database::may_pass);
    match tokio::time::timeout(START_TIMEOUT, attempts).await {
        Ok(probed) => probed.map_err(|source| StartError::EventStore {
            url: url.clone(),
            source,
        }),
        Err(_elapsed) => Err(StartError::EventStoreSilent(url.clone())),
    }
}

async fn probe(url: &DatabaseUrl) -> Result<(), sqlx::Error> {
    let mut connection = database::connect_options(url, NAME).connect().await?;
    sqlx::query("SELECT log_id FROM log").execute(&mut connection).await?;
    connection.close().await
}

#[cfg(test)]
mod fuzzing;
