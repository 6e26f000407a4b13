//! A command API with an event store of its own, for one test.

use std::time::Duration;

use command_api::CommandApiArgs;
use dev_stack::TestDatabase;
use event_store::{ROLES, StateTag};
use reqwest::header::HeaderMap;
use serde_json::Value;
use service::ServeError;
use service::database::{DatabaseUrl, ensure_role};
use sqlx::{Connection, PgConnection};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long anything in a test may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A command API being served.
pub(crate) struct Api {
    pub(crate) database: TestDatabase,
    pub(crate) client: Client,
    pub(crate) shutdown: CancellationToken,
    ended: JoinHandle<Result<(), ServeError>>,
}

/// Sends requests; cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    url: String,
    http: reqwest::Client,
}

/// A request being put together.
pub(crate) struct Request(reqwest::RequestBuilder);

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// An event as it stands in the log.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Event {
    pub(crate) position: i64,
    pub(crate) aggregate_id: String,
    pub(crate) sequence: i64,
    pub(crate) event_type: String,
    pub(crate) payload: Value,
    pub(crate) metadata: Value,
}

async fn migrate(url: String) -> Result<(), Box<dyn std::error::Error>> {
    let mut owner = PgConnection::connect(&url).await?;
    for role in ROLES {
        ensure_role(&mut owner, role, Some("test")).await?;
    }
    event_store::migrate(&mut owner).await?;
    Ok(owner.close().await?)
}

/// A migrated event store without a command API.
pub(crate) async fn event_store() -> TestDatabase {
    TestDatabase::create_built("command_api", migrate).await
}

/// The url of the command API's role on a database.
pub(crate) fn url_of(database: &TestDatabase) -> DatabaseUrl {
    database.url_as("marquee_command_api", "test").parse().unwrap()
}

impl Api {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_defaults| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut CommandApiArgs)) -> Self {
        Self::start_on(event_store().await, change).await
    }

    pub(crate) async fn start_on(database: TestDatabase, change: impl FnOnce(&mut CommandApiArgs)) -> Self {
        let mut args = CommandApiArgs::new(url_of(&database));
        change(&mut args);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = command_api::service(args).await.unwrap();
        let shutdown = CancellationToken::new();
        let ended = tokio::spawn(service::serve(listener, vec![service], shutdown.clone()));
        Self {
            database,
            client: Client {
                url,
                http: reqwest::Client::new(),
            },
            shutdown,
            ended,
        }
    }

    /// Tells the API to stop, waits until it has, and gives what is left.
    pub(crate) async fn stop(self) -> TestDatabase {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.ended)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        self.database
    }

    pub(crate) fn post(&self, path: &str) -> Request {
        self.client.request("POST", path)
    }

    pub(crate) fn put(&self, path: &str) -> Request {
        self.client.request("PUT", path)
    }

    pub(crate) fn delete(&self, path: &str) -> Request {
        self.client.request("DELETE", path)
    }

    pub(crate) async fn events(&self) -> Vec<Event> {
        events(&self.database).await
    }

    /// The event types of the log, in order.
    pub(crate) async fn event_types(&self) -> Vec<String> {
        self.events().await.into_iter().map(|event| event.event_type).collect()
    }

    /// The entity tag of a stream that ends at a sequence of the log as it is called now.
    pub(crate) async fn tag(&self, sequence: i64) -> String {
        let log_id: Uuid = sqlx::query_scalar("SELECT log_id FROM log")
            .fetch_one(&mut self.admin().await)
            .await
            .unwrap();
        format!("\"{}\"", StateTag::new(log_id, domain::Sequence(sequence)))
    }

    /// Changes what no service may.
    pub(crate) async fn change_log(&self, statement: &'static str) {
        sqlx::query(statement).execute(&mut self.admin().await).await.unwrap();
    }

    /// Connected as the superuser.
    pub(crate) async fn admin(&self) -> PgConnection {
        PgConnection::connect(&self.database.url()).await.unwrap()
    }
}

pub(crate) async fn events(database: &TestDatabase) -> Vec<Event> {
    let mut admin = PgConnection::connect(&database.url()).await.unwrap();
    sqlx::query_as(
        "SELECT position, aggregate_id, sequence, event_type, payload, metadata FROM events ORDER BY position",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap()
}

impl Client {
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        Request(
            self.http
                .request(method, format!("{}{path}", self.url))
                .timeout(PATIENCE),
        )
    }
}

impl Request {
    pub(crate) fn json(self, body: &Value) -> Self {
        Self(self.0.json(body))
    }

    pub(crate) fn raw(self, content_type: &str, body: impl Into<reqwest::Body>) -> Self {
        Self(self.0.header("content-type", content_type).body(body))
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    pub(crate) async fn send(self) -> Answer {
        self.try_send().await.unwrap()
    }

    /// Fails when the connection does.
    pub(crate) async fn try_send(self) -> Result<Answer, reqwest::Error> {
        let response = self.0.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap()
        };
        Ok(Answer { status, headers, body })
    }

    /// Sends, and gives the status whatever the body is.
    pub(crate) async fn status(self) -> u16 {
        self.0.send().await.unwrap().status().as_u16()
    }

    /// Sends, and checks that the command was accepted and what holds for every such answer.
    pub(crate) async fn accepted(self) -> Answer {
        let answer = self.send().await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        let tag = answer.header("etag").unwrap();
        assert!(tag.starts_with(&format!("\"{}-", answer.sequence())), "{answer:?}");
        assert_eq!(
            answer.header("event-position").unwrap(),
            answer.position().to_string(),
            "{answer:?}"
        );
        assert_eq!(answer.header("location").is_some(), answer.status == 201, "{answer:?}");
        assert!(answer.body["id"].is_string(), "{answer:?}");
        answer
    }

    /// Sends, and checks that the command was refused with a problem of this status and code.
    pub(crate) async fn refused(self, status: u16, code: &str) -> Answer {
        let answer = self.send().await;
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (status, Some(code)),
            "{answer:?}"
        );
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{answer:?}"
        );
        assert_eq!(
            answer.header("request-id"),
            answer.body["request_id"].as_str(),
            "{answer:?}"
        );
        answer
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn sequence(&self) -> i64 {
        self.body["sequence"].as_i64().unwrap()
    }

    pub(crate) fn position(&self) -> i64 {
        self.body["position"].as_i64().unwrap()
    }

    /// Pointer and code of each wrong field.
    pub(crate) fn field_errors(&self) -> Vec<(String, String)> {
        let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|error| (text(error, "pointer"), text(error, "code")))
            .collect()
    }
}
