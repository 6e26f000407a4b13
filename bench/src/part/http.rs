//! HTTP: `POST /users/{id}` over 64 keep-alive connections, the command side alone and with everything on the same cores.

use std::path::Path;
use std::time::Duration;

use e2e::Databases;
use projections::Name;
use service::BoxError;
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::append::bare_inserts;
use crate::args::Part;
use crate::client::{Kind, Load};
use crate::cpu::Own;
use crate::figure::{Bar, Figure, Runs};
use crate::marquee::{OWN_PROGRAM, Served};
use crate::peer::insert;
use crate::sample::Sample;
use crate::stand::Stand;

pub(super) const CONNECTIONS: usize = 64;
const LAG_POLL: Duration = Duration::from_millis(50);
/// How long the read models may take to catch up after a load.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(120);

pub(super) async fn measure(stand: &mut Stand) -> Result<Vec<Figure>, BoxError> {
    let program = stand.program().await?;
    let mut figures = command_side(stand, &program).await?;
    figures.extend(with_everything(stand, &program).await?);
    Ok(figures)
}

async fn command_side(stand: &Stand, program: &Path) -> Result<Vec<Figure>, BoxError> {
    let databases = Databases::create_on(stand.database_url()).await;
    insert::make_table(&databases.event_store.url()).await?;
    let event_store_url = databases.event_store_url("marquee_command_api").expose().to_owned();
    let environment = [("MARQUEE_EVENT_STORE_URL", event_store_url)];
    let served = Served::start(program, &["command-api", "--listen", "{listen}"], &environment).await?;
    let empty = Served::start(Path::new(OWN_PROGRAM), &["empty-handler", "{listen}"], &[]).await?;
    let insert = bare_insert(&databases, stand);
    let (mut ours, mut handlers, mut inserts) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=stand.sizes.pairs {
        stand.tell(format!("http: command side, round {round} of {}", stand.sizes.pairs));
        let ours_now = commands(stand, &served, &format!("alone-{round}")).await?;
        let handler_now = commands(stand, &empty, &format!("alone-{round}")).await?;
        let insert_now = bare_inserts(stand, &insert).await?;
        if round > 0 {
            ours.push(ours_now);
            handlers.push(handler_now);
            inserts.push(insert_now);
        }
    }
    served.stop().await?;
    drop(empty);
    let rate = || Figure::alone(Part::Http, "rate, command side alone", "requests/s", Runs::rates(&ours));
    let p99 = Figure::alone(Part::Http, "p99, command side alone", "ms", Runs::p99(&ours));
    Ok(vec![
        rate()
            .against(
                "bare inserts, 64 connections",
                Runs::rates(&ours),
                Runs::rates(&inserts),
            )
            .must_be(Bar::AtLeast(1.2)),
        rate().against("empty axum handler", Runs::rates(&ours), Runs::rates(&handlers)),
        against_mean(p99, &ours),
    ])
}

async fn with_everything(stand: &Stand, program: &Path) -> Result<Vec<Figure>, BoxError> {
    let platform = WholePlatform::start(stand, program, "bench_http").await?;
    let bare = dev_stack::TestDatabase::create_on(stand.database_url(), "bare").await;
    insert::make_table(&bare.url()).await?;
    let insert = Load::new(
        Kind::Insert {
            database_url: bare.url(),
            connections: CONNECTIONS,
        },
        stand.sizes.load,
    );
    let (mut ours, mut inserts, mut lags, mut drains) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..=stand.sizes.pairs {
        stand.tell(format!("http: everything, round {round} of {}", stand.sizes.pairs));
        let watch = platform.watch_lag();
        let ours_now = commands(stand, &platform.served, &format!("all-{round}")).await?;
        let lag_events = watch.end().await?;
        let drained_in = platform.caught_up().await?;
        let insert_now = bare_inserts(stand, &insert).await?;
        if round > 0 {
            lags.push(lag_events as f64 / ours_now.per_second * 1_000.0);
            drains.push(drained_in.as_secs_f64() * 1_000.0);
            ours.push(ours_now);
            inserts.push(insert_now);
        }
    }
    platform.served.stop().await?;
    let rate = Figure::alone(
        Part::Http,
        "rate, relay and projections too",
        "requests/s",
        Runs::rates(&ours),
    )
    .against(
        "bare inserts, 64 connections",
        Runs::rates(&ours),
        Runs::rates(&inserts),
    )
    .must_be(Bar::AtLeast(0.6));
    let p99 = Figure::alone(Part::Http, "p99, relay and projections too", "ms", Runs::p99(&ours));
    Ok(vec![
        rate,
        against_mean(p99, &ours),
        Figure::of_values(Part::Http, "largest lag of a read model", "ms of load", lags).must_be(Bar::AtMost(1_000.0)),
        Figure::of_values(Part::Http, "caught up after the load", "ms", drains).must_be(Bar::AtMost(1_000.0)),
    ])
}

/// By Little's law the mean is the number of connections divided by the rate.
fn against_mean(p99: Figure, ours: &[Sample]) -> Figure {
    let means = ours
        .iter()
        .map(|sample| CONNECTIONS as f64 / sample.per_second * 1_000.0);
    p99.against_values(
        "mean by Little's law",
        ours.iter().map(|sample| sample.p99_ms),
        means.collect(),
    )
    .must_be(Bar::AtMost(2.0))
}

fn bare_insert(databases: &Databases, stand: &Stand) -> Load {
    Load::new(
        Kind::Insert {
            database_url: databases.event_store.url(),
            connections: CONNECTIONS,
        },
        stand.sizes.load,
    )
}

/// One load of commands on a service.
pub(super) async fn commands(stand: &Stand, served: &Served, prefix: &str) -> Result<Sample, BoxError> {
    let load = Load::new(
        Kind::Commands {
            url: served.url.clone(),
            connections: CONNECTIONS,
            prefix: prefix.to_owned(),
        },
        stand.sizes.load,
    );
    let cpu = stand.cpu(Own::Nobody, served.id());
    let sample = load.in_process().await?;
    let mut used = cpu.end();
    used.client = sample.cpu.client;
    Ok(sample.with_cpu(used))
}

/// `marquee up` on the stand's servers.
pub(super) struct WholePlatform {
    pub(super) served: Served,
    /// The log and the three read models, as the superuser.
    log: PgPool,
    read_models: Vec<PgPool>,
}

impl WholePlatform {
    /// Starts it on databases and a vhost of its own.
    pub(super) async fn start(stand: &Stand, program: &Path, prefix: &str) -> Result<Self, BoxError> {
        let amqp_url = stand.vhost(prefix).await?;
        let served = up(stand, program, prefix, &amqp_url).await?;
        let pool_of = |database: String| {
            let mut url = url::Url::parse(stand.database_url())?;
            url.set_path(&database);
            Ok::<_, BoxError>(PgPool::connect_lazy(url.as_str())?)
        };
        let read_models = Name::ALL.map(|name| pool_of(format!("{prefix}_{}", name.as_str())));
        Ok(Self {
            served,
            log: pool_of(format!("{prefix}_event_store"))?,
            read_models: read_models.into_iter().collect::<Result<_, _>>()?,
        })
    }

    /// Follows how far the read models are behind the log.
    fn watch_lag(&self) -> LagWatch {
        let (log, read_models) = (self.log.clone(), self.read_models.clone());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let watching = tokio::spawn(async move {
            let mut largest = 0;
            while !stopped.is_cancelled() {
                largest = largest.max(lag(&log, &read_models).await?);
                tokio::time::sleep(LAG_POLL).await;
            }
            Ok(largest)
        });
        LagWatch { watching, stop }
    }

    /// Waits until all read models are at the end of the log.
    pub(super) async fn caught_up(&self) -> Result<Duration, BoxError> {
        let began = std::time::Instant::now();
        while lag(&self.log, &self.read_models).await? > 0 {
            if began.elapsed() > CATCH_UP_TIMEOUT {
                return Err("the read models did not catch up".into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(began.elapsed())
    }
}

/// Starts `marquee up` on given servers.
pub(super) async fn up(stand: &Stand, program: &Path, prefix: &str, amqp_url: &str) -> Result<Served, BoxError> {
    let home = crate::stand::output_directory().join("up");
    let home = home.display().to_string();
    let environment = [
        ("MARQUEE_DATABASE_URL", stand.database_url().to_owned()),
        ("MARQUEE_AMQP_URL", amqp_url.to_owned()),
        ("MARQUEE_DATABASE_PREFIX", prefix.to_owned()),
    ];
    let arguments = ["up", "--no-demo", "--listen", "{listen}", "--home", &home];
    Served::start(program, &arguments, &environment).await
}

struct LagWatch {
    watching: JoinHandle<Result<i64, BoxError>>,
    stop: CancellationToken,
}

impl LagWatch {
    /// The largest lag there has been, in events.
    async fn end(self) -> Result<i64, BoxError> {
        self.stop.cancel();
        AbortOnDropHandle::new(self.watching).await?
    }
}

/// How many events the slowest read model is behind.
async fn lag(log: &PgPool, read_models: &[PgPool]) -> Result<i64, BoxError> {
    let mut slowest = i64::MAX;
    for read_model in read_models {
        let position: i64 = sqlx::query_scalar("SELECT position FROM projection")
            .fetch_one(read_model)
            .await?;
        slowest = slowest.min(position);
    }
    let head: i64 =
        sqlx::query_scalar("SELECT coalesce((SELECT position FROM events ORDER BY position DESC LIMIT 1), 0)")
            .fetch_one(log)
            .await?;
    Ok((head - slowest).max(0))
}
