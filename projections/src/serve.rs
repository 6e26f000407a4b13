//! Puts projections together as one service: their queries, their consumers, and `GET /projections`.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::from_fn;
use clap::Args;
use event_bus::AmqpUrl;
use event_store::LogReader;
use service::database::{self, DatabaseUrl, PoolOptions, UnusableDatabase, refuse_shared_sessions};
use service::{Check, HoldsSecrets, Review, ServeError, Service, Task};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::consumer::Consumer;
use crate::operated::{AllOperated, Operated};
use crate::rebuild::engine::Engine;
use crate::rebuild::task::Runner;
use crate::status::{self, Observed};
use crate::{
    Catalog, ConsumerArgs, Movies, Name, Projection, ProjectionsArgs, Reads, Users, actions, operator, parked, pause,
    reads, rebuild,
};

const READ_CONNECTIONS_MAX: u32 = 8;
const LOG_CONNECTIONS_MAX: u32 = 3;
const OPERATION_CONNECTIONS_MAX: u32 = 2;
/// A retry applies some hundred events at once.
const OPERATION_STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// Reading a few thousand events takes longer than a query.
const LOG_STATEMENT_TIMEOUT: Duration = Duration::from_secs(20);

/// Settings of a process that serves projections.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Which projections to serve [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<Name>,
    /// Where queries, health and metrics are served
    #[arg(
        long,
        env = "MARQUEE_LISTEN",
        default_value = "127.0.0.1:3000",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,
    /// The projections' own.
    #[command(flatten)]
    pub projections: ProjectionsArgs,
}

impl ServeArgs {
    /// Itself, with every projection named once and its database known; else the process ends with 64 and says what
    /// is missing.
    pub fn checked(mut self) -> Self {
        if self.names.is_empty() {
            self.names = Name::ALL.to_vec();
        }
        self.names.sort();
        self.names.dedup();
        for name in &self.names {
            if let Err(error) = self.projections.served(*name) {
                service::refuse_arguments(&error.to_string());
            }
        }
        self
    }
}

impl HoldsSecrets for ServeArgs {
    fn show_secrets(&self, review: &mut Review) {
        let args = &self.projections;
        review.database("--event-store-url", &args.event_store_url);
        for name in Name::ALL {
            let is_served = self.names.is_empty() || self.names.contains(&name);
            if let Some(url) = args.database_url(name).filter(|_| is_served) {
                review.database(&format!("--{}-database-url", name.as_str()), url);
            }
        }
        let broker = &args.amqp_url;
        review.broker("--amqp-url", broker, broker.credentials(), broker.is_exposed());
    }
}

/// Why projections, as a process of their own, ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// They cannot be put together.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address} (MARQUEE_LISTEN)")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// They ended while they were serving.
    #[error("the projections stopped serving")]
    Serve(#[from] ServeError),
}

/// Serves the named projections until `shutdown` is cancelled.
///
/// # Errors
/// [`RunError`].
pub async fn run(args: ServeArgs, shutdown: CancellationToken) -> Result<(), RunError> {
    let address = args.listen;
    let service = service(args.projections, &args.names).await?;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| RunError::Listen { address, source })?;
    Ok(service::serve(listener, vec![service], shutdown).await?)
}

/// Why the service cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A projection is to be served and its database is not known.
    #[error("the projection {projection} needs {variable}")]
    DatabaseMissing {
        /// The projection.
        projection: &'static str,
        /// The variable that names its database.
        variable: &'static str,
    },
    /// A database is reached through a pooler that shares sessions.
    #[error("a database of the projections cannot be used")]
    Unusable(#[from] UnusableDatabase),
}

/// A projection with the databases it works on.
#[derive(Clone)]
pub struct Served {
    /// The read model.
    pub projection: Arc<dyn Projection>,
    /// Its own database.
    pub database_url: DatabaseUrl,
    /// The event store, with a role that may read the log.
    pub event_store_url: DatabaseUrl,
}

impl fmt::Debug for Served {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Served")
            .field("projection", &self.projection.name())
            .finish_non_exhaustive()
    }
}

/// Puts the named projections together. A database that is away is waited for by the service's tasks.
///
/// # Errors
/// [`ServiceError`].
pub async fn service(args: ProjectionsArgs, names: &[Name]) -> Result<Service, ServiceError> {
    let served: Vec<Served> = names.iter().map(|name| args.served(*name)).collect::<Result<_, _>>()?;
    let of_projections = names.iter().zip(&served);
    let mut databases: Vec<_> = of_projections
        .map(|(name, served)| refuse_shared_sessions(name.database_variable(), &served.database_url))
        .collect();
    databases.push(refuse_shared_sessions("MARQUEE_EVENT_STORE_URL", &args.event_store_url));
    futures::future::try_join_all(databases).await?;
    Ok(Served::service(served, &args.amqp_url, &args.consumer))
}

impl Name {
    /// The read model of that name.
    pub fn projection(self) -> Arc<dyn Projection> {
        match self {
            Self::Users => Arc::new(Users),
            Self::Movies => Arc::new(Movies),
            Self::Catalog => Arc::new(Catalog),
        }
    }
}

impl ProjectionsArgs {
    fn served(&self, name: Name) -> Result<Served, ServiceError> {
        let database_url = self.database_url(name).cloned().ok_or(ServiceError::DatabaseMissing {
            projection: name.as_str(),
            variable: name.database_variable(),
        })?;
        Ok(Served {
            projection: name.projection(),
            database_url,
            event_store_url: self.event_store_url.clone(),
        })
    }
}

impl Served {
    /// Makes one service of projections. Must be called inside a tokio runtime.
    pub fn service(served: Vec<Self>, amqp_url: &AmqpUrl, args: &ConsumerArgs) -> Service {
        let mut router = OpenApiRouter::new();
        let answers_for = served.iter().map(|served| served.projection.name()).collect();
        let (mut checks, mut tasks, mut all_operated) = (vec![time_zones_check()], Vec::new(), Vec::new());
        for Self {
            projection,
            database_url,
            event_store_url,
        } in served
        {
            let name = projection.name();
            let log = LogReader::new(log_pool(&event_store_url));
            let engine = Engine::new(Arc::clone(&projection), database_url.clone(), &event_store_url);
            let (rebuilds, runner) = Runner::new(Arc::new(engine));
            let consumer = Consumer::new(
                Arc::clone(&projection),
                &database_url,
                log.clone(),
                amqp_url.clone(),
                args.clone(),
            )
            .with_rebuilds(rebuilds.clone());
            let reads = Reads::new(name, read_pool(&database_url), log.clone(), consumer.committed());
            let observed = Observed {
                projection: Arc::clone(&projection),
                reads: reads.clone(),
                log,
                progress: consumer.progress(),
            };
            router = router.merge(projection.router(reads));
            checks.push(check(name, observed.clone()));
            all_operated.push(Operated {
                projection,
                observed: observed.clone(),
                pool: operation_pool(&database_url),
                rebuilds,
            });
            tasks.push(Task::new("rebuild", |stop| runner.run(stop)));
            tasks.push(Task::new(name, |stop| consumer.run(stop)));
            tasks.push(Task::new("lag", |stop| observed.measure(stop)));
        }
        Service {
            name: "projections",
            answers_for,
            router: router
                .merge(operators_router(&AllOperated::new(all_operated)))
                .layer(from_fn(reads::again::once_more)),
            checks,
            tasks,
        }
    }
}

fn operators_router(all_operated: &AllOperated) -> OpenApiRouter {
    let mut router = status::router(all_operated.clone())
        .merge(status::foreign::router(all_operated.clone()))
        .merge(actions::router(all_operated.clone()))
        .merge(pause::router(all_operated.clone()))
        .merge(parked::router(all_operated.clone()))
        .merge(rebuild::routes::router(all_operated.clone()));
    operator::document_refusals(router.get_openapi_mut());
    router
}

/// The database is needed to answer at all; what the consumer does is only told.
fn check(name: &'static str, observed: Observed) -> Check {
    Check::required(name, move || {
        let observed = observed.clone();
        async move {
            let state = observed.progress.seen().state;
            match observed.reads.row().await {
                Ok((_, row)) => Ok(format!("at position {}, consumer {state}", row.checkpoint.position.0)),
                Err(problem) => Err(format!("{}, consumer {state}", problem.code())),
            }
        }
    })
}

/// Tells by which rules days are counted; they are in memory.
fn time_zones_check() -> Check {
    Check::informative("time_zones", || async { Ok(time_zones::in_use().to_string()) })
}

fn read_pool(url: &DatabaseUrl) -> sqlx::PgPool {
    let application_name = "marquee-projection-queries";
    database::pool(
        url,
        PoolOptions {
            application_name,
            connections_max: READ_CONNECTIONS_MAX,
            ..Default::default()
        },
    )
}

fn operation_pool(url: &DatabaseUrl) -> sqlx::PgPool {
    let options = PoolOptions {
        application_name: "marquee-projection-operator",
        connections_max: OPERATION_CONNECTIONS_MAX,
        statement_timeout: OPERATION_STATEMENT_TIMEOUT,
        ..Default::default()
    };
    database::pool(url, options)
}

fn log_pool(url: &DatabaseUrl) -> sqlx::PgPool {
    let options = PoolOptions {
        application_name: "marquee-projection-log",
        connections_max: LOG_CONNECTIONS_MAX,
        statement_timeout: LOG_STATEMENT_TIMEOUT,
        ..Default::default()
    };
    database::pool(url, options)
}
