//! Rebuild: each read model from a long log, verification included, against bare copies and against cqrs-es.

use std::time::Duration;

use chrono::{DateTime, Utc};
use e2e::{Databases, Platform};
use projections::Name;
use serde_json::json;
use service::BoxError;
use sqlx::{Connection, Executor, PgConnection};

use crate::args::Part;
use crate::cpu::Own;
use crate::figure::{Bar, Figure, Runs};
use crate::history;
use crate::peer::copy::ReadModel;
use crate::peer::stock::Stock;
use crate::sample::Sample;
use crate::stand::Stand;

const POLL: Duration = Duration::from_millis(10);

pub(super) async fn measure(stand: &Stand) -> Result<Vec<Figure>, BoxError> {
    let events = stand.sizes.log;
    stand.tell(format!("rebuild: making a log of {events} events"));
    let platform = Rebuilt::start(stand, "bench_rebuild", events).await?;
    let event_store_url = platform.databases.event_store.url();
    let (mut figures, mut of_users) = (Vec::new(), Vec::new());
    for name in Name::ALL {
        let read_model = ReadModel::take(name, &platform.databases.projection(name).url()).await?;
        let (mut ours, mut copies) = (Vec::new(), Vec::new());
        // The first round is the warm-up.
        for round in 0..=stand.sizes.pairs {
            stand.tell(format!(
                "rebuild: {}, round {round} of {}",
                name.as_str(),
                stand.sizes.pairs
            ));
            let ours_now = platform.rebuild(stand, name).await?;
            let cpu = stand.cpu(Own::Client, None);
            let took = read_model.copy(&event_store_url).await?;
            let copied = Sample::of_work(events, took, cpu.end());
            if round > 0 {
                ours.push(ours_now);
                copies.push(copied);
            }
        }
        figures.push(
            Figure::alone(
                Part::Rebuild,
                format!("rate, {}", name.as_str()),
                "events/s",
                Runs::rates(&ours),
            )
            .against("COPY of log and rows", Runs::rates(&ours), Runs::rates(&copies))
            .must_be(Bar::AtLeast(0.5)),
        );
        if name == Name::Users {
            of_users = ours;
        }
    }
    platform.into_databases().await;
    figures.push(against_replay(stand, &of_users).await?);
    Ok(figures)
}

/// The replay of cqrs-es is so slow that it gets a shorter log; what it does per second does not depend on that.
async fn against_replay(stand: &Stand, ours: &[Sample]) -> Result<Figure, BoxError> {
    let database = dev_stack::TestDatabase::create_on(stand.database_url(), "replay").await;
    let stock = Stock::open(&database.url(), 4).await?;
    stock.fill(stand.sizes.replayed).await?;
    let mut replays = Vec::new();
    for round in 1..=ours.len() {
        stand.tell(format!("rebuild: replay of cqrs-es, round {round} of {}", ours.len()));
        let cpu = stand.cpu(Own::Client, None);
        let took = stock.replay().await?;
        replays.push(Sample::of_work(stand.sizes.replayed, took, cpu.end()));
    }
    Ok(
        Figure::alone(Part::Rebuild, "rate, users", "events/s", Runs::rates(ours))
            .against("cqrs-es QueryReplay", Runs::rates(ours), Runs::rates(&replays))
            .must_be(Bar::AtLeast(150.0)),
    )
}

/// A platform whose read models are at the end of a long log.
pub(super) struct Rebuilt {
    platform: Platform,
    pub(super) databases: Databases,
    events: i64,
}

impl Rebuilt {
    /// Makes the log, and the read models from it. The relay takes it as published.
    pub(super) async fn start(stand: &Stand, vhost: &str, events: i64) -> Result<Self, BoxError> {
        let databases = Databases::create_on(stand.database_url()).await;
        history::append(&databases.event_store.url(), events).await?;
        take_as_published(&databases).await?;
        let platform = Platform::start(&databases, &stand.vhost(vhost).await?).await;
        for name in Name::ALL {
            let path = format!("/projections/{}", name.as_str());
            e2e::until("the read model is built", async || {
                platform.client.get(&path).await.body["position"].as_i64() >= Some(events)
            })
            .await;
        }
        Ok(Self {
            platform,
            databases,
            events,
        })
    }

    /// Rebuilds a read model, from the request to the switch.
    pub(super) async fn rebuild(&self, stand: &Stand, name: Name) -> Result<Sample, BoxError> {
        let path = format!("/projections/{}/rebuild", name.as_str());
        let cpu = stand.cpu(Own::Service, None);
        let began = Utc::now();
        let answer = self.platform.client.post(&path, json!({})).await;
        if answer.status != 202 {
            return Err(format!("the rebuild was refused: {}", answer.body).into());
        }
        let operation = loop {
            let operation = self.platform.client.get(&path).await.body;
            if operation["state"] != "running" {
                break operation;
            }
            tokio::time::sleep(POLL).await;
        };
        let cpu = cpu.end();
        if operation["state"] != "succeeded" {
            return Err(format!("the rebuild did not succeed: {operation}").into());
        }
        let finished: DateTime<Utc> = serde_json::from_value(operation["finished_at"].clone())?;
        Ok(Sample::of_work(self.events, (finished - began).to_std()?, cpu))
    }

    /// Stops the platform and keeps the log.
    pub(super) async fn into_databases(self) -> Databases {
        self.platform.stop().await;
        self.databases
    }
}

async fn take_as_published(databases: &Databases) -> Result<(), BoxError> {
    let mut connection = PgConnection::connect(&databases.event_store.url()).await?;
    connection
        .execute(
            "UPDATE relay SET log_id = (SELECT log_id FROM log), position = head.position, watermark = head.position, \
             event_id = head.event_id FROM (SELECT position, event_id FROM events ORDER BY position DESC LIMIT 1) head",
        )
        .await?;
    Ok(connection.close().await?)
}
