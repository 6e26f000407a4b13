//! Append: commands through aggregate, executor and event store, in this process.

use domain::User;
use e2e::Databases;
use event_store::{CommandRequest, Connect, EventStore, StoreConfig, Writer};
use service::BoxError;
use service::database::{PoolOptions, connect_options, pool};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::args::Part;
use crate::client::{Kind, Load};
use crate::closed_loop::{Worker, closed_loop};
use crate::cpu::Own;
use crate::figure::{Bar, Figure, Runs};
use crate::peer::insert;
use crate::peer::stock::{Stock, next_command};
use crate::sample::Sample;
use crate::stand::Stand;

const TASKS: [usize; 3] = [1, 8, 64];
const INSERT_CONNECTIONS: usize = 64;
const STOCK_CONNECTIONS: u32 = 64;

/// Marquee's event store with its writer running.
pub(crate) struct Store {
    pub(crate) store: EventStore,
    writing: JoinHandle<()>,
    stop: CancellationToken,
}

impl Store {
    /// As the command API makes it.
    pub(crate) fn open(databases: &Databases) -> Self {
        let url = databases.event_store_url("marquee_command_api");
        let (store, writer): (EventStore, Writer) = EventStore::new(
            pool(&url, PoolOptions::default()),
            Connect::new(connect_options(&url, "bench writer").into_function()),
            StoreConfig::default(),
        );
        let stop = CancellationToken::new();
        let writing = tokio::spawn(writer.run(stop.clone()));
        Self { store, writing, stop }
    }

    pub(crate) async fn close(self) -> Result<(), BoxError> {
        self.stop.cancel();
        Ok(self.writing.await?)
    }

    /// So many workers, on users of their own.
    pub(crate) fn workers(&self, tasks: usize, prefix: &str) -> Vec<StoreWorker> {
        (0..tasks)
            .map(|task| StoreWorker {
                store: self.store.clone(),
                request: CommandRequest {
                    metadata: domain::Metadata {
                        correlation_id: Some(uuid::Uuid::now_v7().to_string()),
                        causation_id: Some(uuid::Uuid::now_v7().to_string()),
                        principal: Some("anonymous".to_owned()),
                        traceparent: None,
                    },
                    ..CommandRequest::default()
                },
                prefix: format!("{prefix}-{task}"),
                commands: 0,
            })
            .collect()
    }
}

/// Registers a user, then updates the profile, and so on.
pub(crate) struct StoreWorker {
    store: EventStore,
    request: CommandRequest,
    prefix: String,
    commands: i64,
}

impl Worker for StoreWorker {
    async fn work(&mut self) -> Result<(), BoxError> {
        let (id, command) = next_command(&self.prefix, &mut self.commands);
        self.store.execute::<User>(&id, &self.request, command).await?;
        Ok(())
    }
}

pub(super) async fn measure(stand: &Stand) -> Result<Vec<Figure>, BoxError> {
    let databases = Databases::create_on(stand.database_url()).await;
    let store = Store::open(&databases);
    let stock_database = dev_stack::TestDatabase::create_on(stand.database_url(), "stock").await;
    let stock = Stock::open(&stock_database.url(), STOCK_CONNECTIONS).await?;
    let bare_url = stock_database.url();
    insert::make_table(&bare_url).await?;
    let load = stand.sizes.load;
    let insert = Load::new(
        Kind::Insert {
            database_url: bare_url,
            connections: INSERT_CONNECTIONS,
        },
        load,
    );

    let mut figures = Vec::new();
    for tasks in TASKS {
        let (mut ours, mut stocks, mut inserts) = (Vec::new(), Vec::new(), Vec::new());
        // The first round is the warm-up.
        for round in 0..=stand.sizes.pairs {
            stand.tell(format!("append: {tasks} tasks, round {round} of {}", stand.sizes.pairs));
            let prefix = format!("{tasks}-{round}");
            let ours_now = in_process(stand, Own::Service, store.workers(tasks, &prefix)).await?;
            let workers = (0..tasks)
                .map(|task| stock.worker(format!("{prefix}-{task}")))
                .collect();
            let stock_now = in_process(stand, Own::Client, workers).await?;
            let insert_now = bare_inserts(stand, &insert).await?;
            if round > 0 {
                ours.push(ours_now);
                stocks.push(stock_now);
                inserts.push(insert_now);
            }
        }
        figures.extend(compare(tasks, &ours, &stocks, &inserts));
    }
    store.close().await?;
    Ok(figures)
}

fn compare(tasks: usize, ours: &[Sample], stock: &[Sample], inserts: &[Sample]) -> Vec<Figure> {
    let many = tasks == 64;
    let rate = |theirs, name, bar| {
        Figure::alone(
            Part::Append,
            format!("rate, {tasks} tasks"),
            "commands/s",
            Runs::rates(ours),
        )
        .against(name, Runs::rates(ours), Runs::rates(theirs))
        .must_be(if many { bar } else { Bar::None })
    };
    let mut figures = vec![rate(stock, "stock cqrs-es, as many tasks", Bar::AtLeast(8.0))];
    if many {
        figures.push(rate(inserts, "bare inserts, 64 connections", Bar::AtLeast(2.0)));
    }
    let p50 = Figure::alone(Part::Append, format!("p50, {tasks} tasks"), "ms", Runs::p50(ours))
        .against("stock cqrs-es, as many tasks", Runs::p50(ours), Runs::p50(stock))
        .must_be(if tasks == 1 { Bar::AtMost(1.0) } else { Bar::None });
    figures.push(p50);
    figures
}

/// Loops in this process.
pub(crate) async fn in_process<W: Worker>(stand: &Stand, own: Own, workers: Vec<W>) -> Result<Sample, BoxError> {
    let cpu = stand.cpu(own, None);
    let (sample, _workers) = closed_loop(workers, stand.sizes.load).await?;
    Ok(sample.with_cpu(cpu.end()))
}

/// The bare inserts, from a process of their own.
pub(crate) async fn bare_inserts(stand: &Stand, insert: &Load) -> Result<Sample, BoxError> {
    let cpu = stand.cpu(Own::Nobody, None);
    let sample = insert.in_process().await?;
    let mut used = cpu.end();
    used.client = sample.cpu.client;
    Ok(sample.with_cpu(used))
}
