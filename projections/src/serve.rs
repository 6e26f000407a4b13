//! Puts projections together as one service: their queries, their consumers, and `GET /projections`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use event_bus::AmqpUrl;
use event_store::LogReader;
use service::database::{self, DatabaseUrl, PoolOptions};
use service::{Check, Service, Task};
use utoipa_axum::router::OpenApiRouter;

use crate::consumer::Consumer;
use crate::status::{self, Observed};
use crate::{Catalog, ConsumerArgs, Movies, Name, Projection, ProjectionsArgs, Reads, Users};

const READ_CONNECTIONS_MAX: u32 = 8;
const LOG_CONNECTIONS_MAX: u32 = 3;
/// Reading a few thousand events takes longer than a query.
const LOG_STATEMENT_TIMEOUT: Duration = Duration::from_secs(20);

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

/// Puts the named projections together. Nothing is connected before the service's tasks run.
///
/// # Errors
/// [`ServiceError::DatabaseMissing`].
pub async fn service(args: ProjectionsArgs, names: &[Name]) -> Result<Service, ServiceError> {
    let mut served = Vec::with_capacity(names.len());
    for &name in names {
        let database_url = args.database_url(name).cloned().ok_or(ServiceError::DatabaseMissing {
            projection: name.as_str(),
            variable: name.database_variable(),
        })?;
        let projection: Arc<dyn Projection> = match name {
            Name::Users => Arc::new(Users),
            Name::Movies => Arc::new(Movies),
            Name::Catalog => Arc::new(Catalog),
        };
        served.push(Served {
            projection,
            database_url,
            event_store_url: args.event_store_url(name).clone(),
        });
    }
    Ok(Served::service(served, &args.amqp_url, &args.consumer))
}

impl Served {
    /// Makes one service of projections. Must be called inside a tokio runtime.
    pub fn service(served: Vec<Self>, amqp_url: &AmqpUrl, args: &ConsumerArgs) -> Service {
        let mut router = OpenApiRouter::new();
        let (mut checks, mut tasks, mut all_observed) = (Vec::new(), Vec::new(), Vec::new());
        for Self {
            projection,
            database_url,
            event_store_url,
        } in served
        {
            let name = projection.name();
            let log = LogReader::new(log_pool(&event_store_url));
            let consumer = Consumer::new(
                Arc::clone(&projection),
                &database_url,
                log.clone(),
                amqp_url.clone(),
                args.clone(),
            );
            let reads = Reads::new(name, read_pool(&database_url), log.clone(), consumer.committed());
            let observed = Observed {
                reads: reads.clone(),
                log,
                progress: consumer.progress(),
            };
            router = router.merge(projection.router(reads));
            checks.push(check(name, observed.clone()));
            all_observed.push(observed.clone());
            tasks.push(Task::new(name, |stop| consumer.run(stop)));
            tasks.push(Task::new("lag", |stop| observed.measure(stop)));
        }
        Service {
            name: "projections",
            router: router.merge(status::router(all_observed)),
            checks,
            tasks,
        }
    }
}

/// The database is needed to answer at all; what the consumer does is only told.
fn check(name: &'static str, observed: Observed) -> Check {
    Check::required(name, move || {
        let observed = observed.clone();
        async move {
            let state = observed.progress.seen().state;
            match observed.reads.row().await {
                Ok((_, row)) => Ok(format!("at position {}, consumer {state:?}", row.checkpoint.position.0)),
                Err(problem) => Err(format!("{}, consumer {state:?}", problem.code())),
            }
        }
    })
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

fn log_pool(url: &DatabaseUrl) -> sqlx::PgPool {
    let options = PoolOptions {
        application_name: "marquee-projection-log",
        connections_max: LOG_CONNECTIONS_MAX,
        statement_timeout: LOG_STATEMENT_TIMEOUT,
        ..Default::default()
    };
    database::pool(url, options)
}
