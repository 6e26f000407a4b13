//! A log, a read model's database and a broker of its own for each test, and the relay's part played by the test.

use std::collections::BTreeMap;
use std::sync::Arc;

use dev_stack::{PrivateRabbit, TestDatabase, TestVhost};
use domain::{Envelope, Position};
use event_bus::{AmqpUrl, BusError, Depth, KeyTotal, Onlooker, Publisher, Watermark};
use event_relay::{RelayArgs, RelayTuning};
use event_store::LogReader;
use projections::{ConsumerArgs, Name, Projection, Served};
use serde_json::Value;
use service::database::{self, DatabaseUrl, PoolOptions};
use sqlx::PgPool;
use uuid::Uuid;

use crate::log::{PASSWORD, log_database, make_roles};
use crate::process::{Process, args, eventually};

const ROLE: &str = "marquee_catalog";
/// How often an event is published that the broker gives back.
const PUBLISHED_MAX: u32 = 10;

/// The servers' part of a test.
pub(crate) struct Stack {
    pub(crate) log_database: TestDatabase,
    pub(crate) database: TestDatabase,
    pub(crate) vhost: TestVhost,
    pub(crate) log: LogReader,
    /// The superuser on the event store.
    store: PgPool,
    /// The superuser on the read model.
    model: PgPool,
    publisher: Publisher,
}

impl Stack {
    /// Makes everything but a consumer.
    pub(crate) async fn start() -> Self {
        Self::start_in(TestVhost::create()).await
    }

    /// Makes everything but a consumer, with a broker that the test can kill.
    pub(crate) async fn start_on(broker: &PrivateRabbit) -> Self {
        Self::start_in(TestVhost::create_on(broker)).await
    }

    async fn start_in(vhost: impl Future<Output = TestVhost>) -> Self {
        let (log_database, database, vhost) = tokio::join!(log_database(), model_database(), vhost);
        let publisher = publisher(&vhost).await;
        Self {
            log: LogReader::new(pool(&log_database.url_as(ROLE, PASSWORD))),
            store: pool(&log_database.url()),
            model: pool(&database.url()),
            log_database,
            database,
            vhost,
            publisher,
        }
    }

    /// Writes a movie's event into the log and gives its position.
    pub(crate) async fn append(&self, stream: &str) -> i64 {
        self.append_as(
            "movie",
            stream,
            "movie.premiere.rescheduled",
            "1",
            r#"{"premiere_date": "2026-05-01"}"#,
        )
        .await
    }

    /// Writes events of several movies in turn, and gives the last one's position.
    pub(crate) async fn append_many(&self, count: usize) -> i64 {
        let mut last = 0;
        for nr in 0..count {
            // Every fifth is one that the read model does not ask for.
            last = if nr % 5 == 4 {
                self.append_unbound().await
            } else {
                self.append(&format!("m-{}", nr % 7)).await
            };
        }
        last
    }

    /// Writes an event that the read model does not ask for.
    pub(crate) async fn append_unbound(&self) -> i64 {
        self.append_as("user", "u-1", "user.logged_in", "1", "{}").await
    }

    /// Writes any event, behind the back of the append function.
    pub(crate) async fn append_as(&self, kind: &str, id: &str, event_type: &str, version: &str, payload: &str) -> i64 {
        let mut payload: Value = serde_json::from_str(payload).expect("a payload");
        payload["type"] = event_type.into();
        sqlx::query_scalar(
            "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_id, event_type, event_version, \
             payload, metadata) SELECT 1 + coalesce((SELECT max(position) FROM events), 0), $1, $2, 1 + coalesce((SELECT \
             max(sequence) FROM events WHERE aggregate_type = $1 AND aggregate_id = $2), 0), $3, $4, $5, $6, '{}' \
             RETURNING position",
        )
        .bind(kind)
        .bind(id)
        .bind(Uuid::now_v7())
        .bind(event_type)
        .bind(version)
        .bind(payload)
        .fetch_one(&self.store)
        .await
        .expect("an event in the log")
    }

    /// Runs a statement on the event store as the superuser.
    pub(crate) async fn change_log(&self, statement: &str) {
        sqlx::raw_sql(statement)
            .execute(&self.store)
            .await
            .expect("a change of the log");
    }

    /// Runs a statement on the read model's database as the superuser.
    pub(crate) async fn change_model(&self, statement: &str) {
        sqlx::raw_sql(statement)
            .execute(&self.model)
            .await
            .expect("a change of the read model");
    }

    /// Reads `(from, to]` of the log.
    pub(crate) async fn events(&self, from: i64, to: i64) -> Vec<Envelope> {
        self.log
            .read_range(Position(from), Position(to))
            .await
            .expect("a range of the log")
    }

    /// Publishes an event as the relay does.
    pub(crate) async fn publish(&mut self, event: &Envelope) {
        self.publisher
            .publish(event)
            .await
            .expect("published")
            .await
            .expect("confirmed");
    }

    /// Publishes the events of `(from, to]`, all of them. What the broker gives back is published again, as the relay does.
    pub(crate) async fn publish_range(&mut self, from: i64, to: i64) {
        let mut unconfirmed = self.events(from, to).await;
        for _ in 0..PUBLISHED_MAX {
            let mut confirms = Vec::new();
            for event in unconfirmed {
                let confirm = self.publisher.publish(&event).await.expect("published");
                confirms.push((event, confirm));
            }
            unconfirmed = Vec::new();
            for (event, confirm) in confirms {
                match confirm.await {
                    Err(BusError::Nacked) => unconfirmed.push(event),
                    confirmed => confirmed.expect("confirmed"),
                }
            }
            if unconfirmed.is_empty() {
                break;
            }
        }
        assert_eq!(unconfirmed.len(), 0, "events that the broker does not take");
    }

    /// Closes `(from, to]` as the relay does.
    pub(crate) async fn close(&mut self, from: i64, to: i64) {
        let watermark = self.watermark(from, to).await;
        self.publish_watermark(&watermark).await;
    }

    /// Makes the watermark of `(from, to]`.
    pub(crate) async fn watermark(&self, from: i64, to: i64) -> Watermark {
        let mut watermark = Watermark {
            log_id: self.log.log_id().await.expect("the log's identity"),
            from: Position(from),
            to: Position(to),
            keys: BTreeMap::<_, KeyTotal>::new(),
            event_id: None,
            recorded_at: None,
        };
        for event in self.events(from, to).await {
            watermark
                .keys
                .entry(event.event_type.clone())
                .or_default()
                .add(event.position);
            watermark.event_id = Some(event.event_id);
            watermark.recorded_at = Some(event.recorded_at);
        }
        watermark
    }

    /// Publishes a watermark, true or not.
    pub(crate) async fn publish_watermark(&mut self, watermark: &Watermark) {
        self.publisher
            .publish_watermark(watermark)
            .await
            .expect("published")
            .await
            .expect("confirmed");
    }

    /// Publishes and closes `(from, to]` in ranges of a few events.
    pub(crate) async fn relay(&mut self, from: i64, to: i64) {
        let mut from = from;
        while from < to {
            let end = to.min(from + 10);
            self.publish_range(from, end).await;
            self.close(from, end).await;
            from = end;
        }
    }

    /// Takes the log back to a position and gives it a new identity, as a restore that is adopted does.
    pub(crate) async fn restore_log(&self, position: i64) {
        self.lose_events_after(position).await;
        self.change_log("UPDATE log SET log_id = gen_random_uuid()").await;
    }

    /// Takes the log back to a position under the name it has, as a restore does.
    pub(crate) async fn lose_events_after(&self, position: i64) {
        self.change_log(&format!(
            "ALTER TABLE events DISABLE TRIGGER ALL; DELETE FROM events WHERE position > {position}; \
             ALTER TABLE events ENABLE TRIGGER ALL"
        ))
        .await;
    }

    /// Connects the test's pools anew.
    pub(crate) async fn reconnect_databases(&mut self) {
        self.log = LogReader::new(pool(&self.log_database.url_as(ROLE, PASSWORD)));
        self.store = pool(&self.log_database.url());
        self.model = pool(&self.database.url());
    }

    /// Connects the test's publisher anew.
    pub(crate) async fn reconnect(&mut self) {
        self.publisher = publisher(&self.vhost).await;
    }

    /// Starts a process that serves the projection and closes no range without a watermark.
    pub(crate) async fn serve(&self, projection: impl Projection) -> Process {
        self.serve_with(projection, args()).await
    }

    /// Starts a process that serves the projection.
    pub(crate) async fn serve_with(&self, projection: impl Projection, args: ConsumerArgs) -> Process {
        self.serve_through(&self.vhost.amqp_url(), projection, args).await
    }

    /// Starts a process that serves the projection and knows the broker by another address.
    pub(crate) async fn serve_through(
        &self,
        amqp_url: &str,
        projection: impl Projection,
        args: ConsumerArgs,
    ) -> Process {
        let log_url = self.log_url();
        self.serve_between((&log_url, amqp_url), projection, args).await
    }

    /// Starts a process that serves the projection and knows event store and broker by other addresses.
    pub(crate) async fn serve_between(
        &self,
        (log_url, amqp_url): (&str, &str),
        projection: impl Projection,
        args: ConsumerArgs,
    ) -> Process {
        let served = Served {
            projection: Arc::new(projection),
            database_url: parse(&self.database.url_as(ROLE, PASSWORD)),
            event_store_url: parse(log_url),
        };
        let amqp_url: AmqpUrl = amqp_url.parse().expect("a url");
        Process::start(Served::service(vec![served], &amqp_url, &args)).await
    }

    /// The url of the event store, as the projection's role.
    pub(crate) fn log_url(&self) -> String {
        self.log_database.url_as(ROLE, PASSWORD)
    }

    /// Starts a process that relays the log.
    pub(crate) async fn serve_relay(&self) -> Process {
        self.serve_relay_through(&self.vhost.amqp_url()).await
    }

    /// Starts a process that relays the log to another broker.
    pub(crate) async fn serve_relay_through(&self, amqp_url: &str) -> Process {
        let args = RelayArgs {
            event_store_url: parse(&self.log_database.url_as("marquee_event_relay", PASSWORD)),
            amqp_url: amqp_url.parse().expect("a url"),
            management_url: None,
            tuning: RelayTuning::default(),
        };
        Process::start(event_relay::service(args).await.expect("a relay")).await
    }

    /// Waits until the projection is at a position, and asserts that it has applied exactly what the log has for it,
    /// in order.
    pub(crate) async fn expect_equal_to_log(&self, position: i64) {
        self.reach(position).await;
        let applied = self.applied().await;
        assert_eq!(applied, self.bound(position).await, "the read model is not the log's");
    }

    /// Asks the broker how long the recorder's queue is at this moment, which its management tells seconds later.
    pub(crate) async fn depth(&self) -> Depth {
        let url: AmqpUrl = self.vhost.amqp_url().parse().expect("a url");
        let onlooker = Onlooker::open(&url, "recorder.v1", "test").await.expect("an onlooker");
        let depth = onlooker.depth().await.expect("a depth");
        onlooker.close().await;
        depth
    }

    /// Waits until the projection's checkpoint is at a position.
    pub(crate) async fn reach(&self, position: i64) {
        let what = format!("the read model at position {position}");
        eventually(&what, async || (self.position().await == Some(position)).then_some(())).await;
    }

    /// The projection's checkpoint.
    pub(crate) async fn position(&self) -> Option<i64> {
        sqlx::query_scalar("SELECT position FROM projection")
            .fetch_optional(&self.model)
            .await
            .expect("the row")
    }

    /// What was applied, in the order in which it was.
    pub(crate) async fn applied(&self) -> Vec<i64> {
        let live = self.column("SELECT generation FROM projection").await[0];
        self.column(&format!("SELECT position FROM recorder_g{live}.applied ORDER BY nr"))
            .await
    }

    /// A column of positions from the read model's database.
    pub(crate) async fn column(&self, select: &str) -> Vec<i64> {
        sqlx::query_scalar(select)
            .fetch_all(&self.model)
            .await
            .expect("a column")
    }

    /// The parked events: position and reason.
    pub(crate) async fn parked(&self) -> Vec<(i64, String)> {
        sqlx::query_as("SELECT position, reason FROM recorder_g1.parked_events ORDER BY position")
            .fetch_all(&self.model)
            .await
            .expect("the parked events")
    }

    async fn bound(&self, to: i64) -> Vec<i64> {
        let events = self.events(0, to).await;
        events
            .iter()
            .filter(|event| event.aggregate_type == "movie")
            .map(|event| event.position.0)
            .collect()
    }
}

async fn model_database() -> TestDatabase {
    make_roles().await;
    let database = TestDatabase::create("recorder").await;
    projections::migrate(Name::Catalog, &parse(&database.url()))
        .await
        .expect("the projection's row");
    database
}

async fn publisher(vhost: &TestVhost) -> Publisher {
    let url: AmqpUrl = vhost.amqp_url().parse().expect("a url");
    event_bus::declare_topology(&url, "test").await.expect("the exchanges");
    Publisher::open(&url, "test").await.expect("a publisher")
}

fn pool(url: &str) -> PgPool {
    database::pool(
        &parse(url),
        PoolOptions {
            connections_max: 2,
            ..PoolOptions::default()
        },
    )
}

fn parse(url: &str) -> DatabaseUrl {
    url.parse().expect("a url")
}
