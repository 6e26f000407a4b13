//! One read model in a database of its own, behind its own HTTP routes.

use std::collections::BTreeMap;
use std::sync::Arc;

use dev_stack::TestDatabase;
use domain::Position;
use event_store::LogReader;
use projections::{ApplyError, Generation, Projection, Reads, Recorded};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::history::History;
use crate::log::log_database;

const PROJECTION_TABLE: &str = include_str!("../../../migrations/users/0001_projection.sql");
const GENERATIONS: &str = include_str!("../../../migrations/users/0002_generations.sql");
const CHECKPOINTS: &str = include_str!("../../../migrations/users/0003_checkpoints.sql");

/// A read model that events can be applied to and that can be queried.
pub(crate) struct ReadModel {
    pub(crate) pool: PgPool,
    pub(crate) generation: Generation,
    projection: Arc<dyn Projection>,
    url: String,
    client: Client,
    server: JoinHandle<()>,
    _databases: (TestDatabase, Option<TestDatabase>),
}

/// What a query was answered with.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) etag: Option<String>,
    pub(crate) read_position: Option<String>,
    /// Null when there is none.
    pub(crate) body: Value,
}

impl ReadModel {
    /// Makes an empty read model, in reach of no log.
    pub(crate) async fn empty(projection: impl Projection) -> Self {
        Self::beside(projection, None).await
    }

    async fn beside(projection: impl Projection, log: Option<TestDatabase>) -> Self {
        let projection: Arc<dyn Projection> = Arc::new(projection);
        let database = TestDatabase::create(&format!("queries_{}", projection.name())).await;
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect(&database.url())
            .await
            .expect("a database");
        for statements in [PROJECTION_TABLE, GENERATIONS, CHECKPOINTS] {
            let made = sqlx::raw_sql(statements).execute(&pool).await;
            made.expect("the tables outside of the generations");
        }
        let name = projection.name();
        let row = format!(
            "INSERT INTO projection_control (name, generation, last_generation, version, binding_version) \
             VALUES ('{name}', 1, 1, 1, 1); \
             INSERT INTO checkpoint (projection, move, position, consumer_epoch, parked_streams) VALUES ('{name}', 0, 0, 0, 0)"
        );
        sqlx::raw_sql(&row).execute(&pool).await.expect("the projection's row");
        let generation = create_generation(&pool, projection.as_ref()).await;

        let (_, committed) = watch::channel(Position(0));
        let log_url = log.as_ref().unwrap_or(&database).url();
        let log_pool = PgPoolOptions::new().connect_lazy(&log_url).expect("a url");
        let reads = Reads::new(projection.name(), pool.clone(), LogReader::new(log_pool), committed);
        let (router, _document) = projection.router(reads).split_for_parts();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("a server") });
        Self {
            pool,
            generation,
            projection,
            url,
            client: Client::new(),
            server,
            _databases: (database, log),
        }
    }

    /// Makes a read model of a whole history.
    pub(crate) async fn of(projection: impl Projection, history: &History) -> Self {
        let model = Self::empty(projection).await;
        model.apply(&history.events).await.expect("a valid history");
        model
    }

    /// Makes a read model of a whole history that a log holds too, so that positions can be asked for.
    pub(crate) async fn in_log(projection: impl Projection, history: &History) -> Self {
        let model = Self::beside(projection, Some(log_of(history).await)).await;
        model.apply(&history.events).await.expect("a valid history");
        model
    }

    /// Applies events in a transaction that moves the checkpoint too, leaving out those that are not bound.
    pub(crate) async fn apply(&self, events: &[Recorded]) -> Result<(), ApplyError> {
        let mut tx = self.pool.begin().await.map_err(ApplyError::Database)?;
        let bound: Vec<Recorded> = events.iter().filter(|recorded| self.binds(recorded)).cloned().collect();
        self.projection.apply(&mut tx, &self.generation, &bound).await?;
        if let Some(last) = events.last() {
            sqlx::query("UPDATE projection SET position = greatest(position, $1), event_id = $2, log_id = $3")
                .bind(last.envelope.position.0)
                .bind(last.envelope.event_id)
                .bind(last.envelope.log_id)
                .execute(&mut *tx)
                .await
                .map_err(ApplyError::Database)?;
        }
        tx.commit().await.map_err(ApplyError::Database)
    }

    /// Applies events in batches of these sizes and then the rest at once, gives the tables' rows, and takes it all back.
    pub(crate) async fn contents(&self, events: &[Recorded], batches: &[usize]) -> BTreeMap<String, Value> {
        let mut tx = self.pool.begin().await.expect("a transaction");
        let mut rest = events;
        for &size in batches {
            let (batch, behind) = rest.split_at(size.min(rest.len()));
            self.projection
                .apply(&mut tx, &self.generation, batch)
                .await
                .expect("a valid history");
            rest = behind;
        }
        self.projection
            .apply(&mut tx, &self.generation, rest)
            .await
            .expect("a valid history");
        let tables: Vec<String> =
            sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = $1 ORDER BY 1")
                .bind(self.generation.to_string())
                .fetch_all(&mut *tx)
                .await
                .expect("the tables");
        let mut contents = BTreeMap::new();
        for table in tables {
            let generation = self.generation;
            let statement = format!("SELECT coalesce(jsonb_agg(t ORDER BY id), '[]') FROM {generation}.{table} AS t");
            let rows = sqlx::query_scalar(&statement)
                .fetch_one(&mut *tx)
                .await
                .expect("the rows");
            contents.insert(table, rows);
        }
        tx.rollback().await.expect("a rollback");
        contents
    }

    /// Asks for a path with its query.
    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.get_unless(path, None).await
    }

    /// Asks for a path with its query, unless it is still what an entity tag stands for.
    pub(crate) async fn get_unless(&self, path: &str, if_none_match: Option<&str>) -> Answered {
        let mut request = self.client.get(format!("{}{path}", self.url));
        if let Some(etag) = if_none_match {
            request = request.header("If-None-Match", etag);
        }
        let response = request.send().await.expect("an answer");
        let header = |name| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().expect("ASCII").to_owned())
        };
        let (status, etag, read_position) = (response.status(), header("etag"), header("read-position"));
        let text = response.text().await.expect("a body");
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).expect("JSON")
        };
        Answered {
            status,
            etag,
            read_position,
            body,
        }
    }

    /// Gives the ids (or another field) of the items of a page.
    pub(crate) async fn listed(&self, path: &str, field: &str) -> Vec<String> {
        let answered = self.get(path).await;
        assert_eq!(answered.status, StatusCode::OK, "{path}: {}", answered.body);
        fields(&answered.body["items"], field)
    }

    /// Gives the ids (or another field) of the items of all pages, each of which but the last must be full.
    pub(crate) async fn paged(&self, path: &str, field: &str, limit: usize) -> Vec<String> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let first = format!("{path}{separator}limit={limit}");
        let mut next = first.clone();
        let mut items = Vec::new();
        loop {
            let answered = self.get(&next).await;
            assert_eq!(answered.status, StatusCode::OK, "{next}: {}", answered.body);
            let page = fields(&answered.body["items"], field);
            let last = answered.body["next_cursor"].is_null();
            assert!(page.len() == limit || last, "{next}: only the last page may be short");
            items.extend(page);
            if last {
                return items;
            }
            let cursor = answered.body["next_cursor"].as_str().expect("a cursor is a string");
            next = format!("{first}&cursor={cursor}");
        }
    }

    /// Holds that a request is refused with a status and a code, and, if a field is to blame, its name.
    pub(crate) async fn assert_refused(&self, path: &str, status: u16, code: &str, pointer: Option<&str>) {
        let answered = self.get(path).await;
        assert_eq!(
            (answered.status.as_u16(), answered.body["code"].as_str()),
            (status, Some(code)),
            "{path}"
        );
        assert_eq!(
            answered.body["errors"][0]["pointer"].as_str(),
            pointer,
            "{path}: {}",
            answered.body
        );
    }

    fn binds(&self, recorded: &Recorded) -> bool {
        let event = &recorded.envelope;
        event_bus::is_bound(self.projection.bindings(), &event.aggregate_type, &event.event_type)
    }
}

impl Drop for ReadModel {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Gives one field of every item.
pub(crate) fn fields(items: &Value, field: &str) -> Vec<String> {
    let items = items.as_array().expect("a list");
    items
        .iter()
        .map(|item| item[field].as_str().expect("a text").to_owned())
        .collect()
}

/// Makes a log that holds a history.
async fn log_of(history: &History) -> TestDatabase {
    let log = log_database().await;
    let mut admin = PgConnection::connect(&log.url()).await.expect("the log's database");
    for Recorded { envelope, .. } in &history.events {
        let payload: Value = serde_json::from_str(&envelope.payload).expect("a payload");
        let inserted = sqlx::query(
            "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_id, event_type, event_version, \
             payload, metadata) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '{}')",
        )
        .bind(envelope.position.0)
        .bind(&envelope.aggregate_type)
        .bind(&envelope.aggregate_id)
        .bind(envelope.sequence.0)
        .bind(envelope.event_id)
        .bind(&envelope.event_type)
        .bind(&envelope.event_version)
        .bind(payload)
        .execute(&mut admin)
        .await;
        inserted.expect("an event in the log");
    }
    log
}

async fn create_generation(pool: &PgPool, projection: &dyn Projection) -> Generation {
    let generation = Generation::new(projection.name(), 1);
    let (schema, indexes) = (projection.schema(), projection.indexes());
    let statements =
        format!("CREATE SCHEMA {generation}; SET LOCAL search_path = {generation}, public; {schema}{indexes}");
    let mut tx = pool.begin().await.expect("a transaction");
    sqlx::raw_sql(&statements)
        .execute(&mut *tx)
        .await
        .expect("the generation's tables");
    tx.commit().await.expect("a commit");
    generation
}
