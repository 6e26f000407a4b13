//! A backlog: events in the log that nobody has published yet, and what publishes and consumes them in this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use e2e::Databases;
use event_bus::{ENTITY_EXCHANGES, QueueSpec, Subscriber, WATERMARK_EXCHANGE};
use event_relay::{Relay, RelayConfig};
use event_store::LogReader;
use projections::consumer::Consumer;
use projections::{ConsumerArgs, Name};
use service::BoxError;
use service::database::{PoolOptions, pool};
use sqlx::{Connection, Executor, PgConnection};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::peer::bare_bus::{Bus, Message};
use crate::stand::Stand;

const TIMEOUT: Duration = Duration::from_secs(300);

/// A log, the read models' databases, and a vhost with the projections' queues.
pub(super) struct Backlog {
    pub(super) databases: Databases,
    pub(super) amqp_url: String,
    /// Name of each queue, and the exchanges it gets messages from.
    pub(super) queues: Vec<(String, Vec<&'static str>)>,
    pub(super) events: i64,
}

impl Backlog {
    /// Makes databases and queues; the log has one event, which every read model has.
    pub(super) async fn make(stand: &Stand, amqp_url: &str) -> Result<Self, BoxError> {
        let databases = Databases::create_on(stand.database_url()).await;
        crate::history::append_user(&databases.event_store.url(), "first", 1).await?;
        let backlog = Self {
            databases,
            amqp_url: amqp_url.to_owned(),
            queues: declare_queues(amqp_url).await?,
            events: stand.sizes.backlog,
        };
        let running = backlog.run_all();
        running.reach(1).await?;
        running.stop().await?;
        Ok(backlog)
    }

    /// Writes the backlog into the log.
    pub(super) async fn fill(&self) -> Result<(), BoxError> {
        crate::history::append(&self.databases.event_store.url(), self.events).await
    }

    /// Where the log ends then.
    pub(super) fn head(&self) -> i64 {
        self.events + 1
    }

    /// Makes the relay forget what it has published, but the first event.
    pub(super) async fn forget_published(&self) -> Result<(), BoxError> {
        let mut connection = PgConnection::connect(&self.databases.event_store.url()).await?;
        connection
            .execute(
                "UPDATE relay SET position = 1, watermark = 1, \
                 event_id = (SELECT event_id FROM events WHERE position = 1)",
            )
            .await?;
        Ok(connection.close().await?)
    }

    /// Throws away what waits in the queues.
    pub(super) async fn purge(&self) -> Result<(), BoxError> {
        let bus = Bus::open(&self.amqp_url).await?;
        for (queue, _) in &self.queues {
            bus.purge(queue).await?;
        }
        bus.close().await
    }

    /// Publishes the backlog with the relay, and tells how long that took.
    pub(super) async fn relay(&self) -> Result<Duration, BoxError> {
        let began = Instant::now();
        let running = self.run_relay();
        running.reach(self.head()).await?;
        let took = began.elapsed();
        running.stop().await?;
        Ok(took)
    }

    /// Publishes the backlog with the relay, and keeps a copy of every message.
    pub(super) async fn record(&self) -> Result<Vec<Message>, BoxError> {
        let bus = Bus::open(&self.amqp_url).await?;
        let exchanges: Vec<&str> = ENTITY_EXCHANGES.into_iter().chain([WATERMARK_EXCHANGE]).collect();
        let recording = tokio::spawn(bus.record(&exchanges).await?.finish());
        self.relay().await?;
        let messages = AbortOnDropHandle::new(recording).await??;
        bus.close().await?;
        Ok(messages)
    }

    fn run_relay(&self) -> Running {
        let url = self.databases.event_store_url("marquee_event_relay");
        let broker = self.amqp_url.parse().expect("the url of a broker");
        let relay = Relay::new(
            RelayConfig::default(),
            pool(&url, PoolOptions::default()),
            broker,
            Arc::default(),
        );
        let mut status = relay.status();
        let (confirmed, watched) = watch::channel(0);
        let stop = CancellationToken::new();
        let following = tokio::spawn(async move {
            while status.changed().await.is_ok() {
                confirmed.send_replace(status.borrow_and_update().confirmed.0);
            }
        });
        Running {
            positions: vec![watched],
            tasks: vec![tokio::spawn(relay.run(stop.clone())), following],
            stop,
        }
    }

    /// The relay and the three consumers.
    pub(super) fn run_all(&self) -> Running {
        let mut running = self.run_relay();
        for name in Name::ALL {
            let log = pool(&self.databases.event_store_url(name.role()), PoolOptions::default());
            let consumer = Consumer::new(
                name.projection(),
                &self.databases.projection_url(name),
                LogReader::new(log),
                self.amqp_url.parse().expect("the url of a broker"),
                ConsumerArgs::default(),
            );
            let mut committed = consumer.committed();
            let (position, watched) = watch::channel(0);
            running.positions.push(watched);
            running.tasks.push(tokio::spawn(async move {
                while committed.changed().await.is_ok() {
                    position.send_replace(committed.borrow_and_update().0);
                }
            }));
            let stop = running.stop.clone();
            running.tasks.push(tokio::spawn(async move {
                // It returns when it is told to, and has shown whatever went wrong.
                let _ = consumer.run(stop).await;
            }));
        }
        running
    }
}

/// What publishes and consumes, until it is stopped.
pub(super) struct Running {
    positions: Vec<watch::Receiver<i64>>,
    tasks: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

impl Running {
    /// Waits until all of it is at a position.
    pub(super) async fn reach(&self, position: i64) -> Result<(), BoxError> {
        for watched in &self.positions {
            let mut watched = watched.clone();
            let reached = watched.wait_for(|reached| *reached >= position);
            tokio::time::timeout(TIMEOUT, reached)
                .await
                .map_err(|_| format!("position {position} was not reached in time"))??;
        }
        Ok(())
    }

    pub(super) async fn stop(self) -> Result<(), BoxError> {
        self.stop.cancel();
        for task in self.tasks {
            task.await?;
        }
        Ok(())
    }
}

/// Declares the projections' queues as their consumers do.
async fn declare_queues(amqp_url: &str) -> Result<Vec<(String, Vec<&'static str>)>, BoxError> {
    let url = amqp_url.parse()?;
    let mut queues = Vec::new();
    for name in Name::ALL {
        let projection = name.projection();
        let spec = QueueSpec {
            name: format!("{}.v{}", projection.name(), projection.binding_version()),
            bindings: projection.bindings().to_vec(),
            prefetch: 1,
        };
        Subscriber::open(&url, &spec, "bench").await?.close().await;
        let exchanges = spec.bindings.iter().map(|binding| binding.exchange);
        queues.push((spec.name, exchanges.chain([WATERMARK_EXCHANGE]).collect()));
    }
    Ok(queues)
}
