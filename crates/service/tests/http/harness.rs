//! Serves services on a free port, in this process, for one test.

use std::time::Duration;

use serde_json::Value;
use service::{Limits, ServeError, Service, serve_within};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Services being served.
pub(crate) struct Served {
    /// `http://127.0.0.1:port`
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    pub(crate) shutdown: CancellationToken,
    pub(crate) ended: JoinHandle<Result<(), ServeError>>,
}

/// How long anything in a test may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn start(services: Vec<Service>) -> Served {
    start_within(Limits::default(), services).await
}

pub(crate) async fn start_within(limits: Limits, services: Vec<Service>) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let shutdown = CancellationToken::new();
    let ended = tokio::spawn(serve_within(limits, listener, services, shutdown.clone()));
    Served {
        url,
        client: reqwest::Client::new(),
        shutdown,
        ended,
    }
}

impl Served {
    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.client
            .request(method, format!("{}{path}", self.url))
            .timeout(PATIENCE)
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.request("GET", path).send().await.unwrap()
    }

    pub(crate) async fn end(self) -> Result<(), ServeError> {
        tokio::time::timeout(PATIENCE, self.ended).await.unwrap().unwrap()
    }
}

/// Checks what holds for every problem, and gives its status, code and first field error.
pub(crate) async fn problem(response: reqwest::Response) -> (u16, String, Option<(String, String)>) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let request_id = response.headers()["request-id"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    assert_eq!(body["request_id"], request_id.as_str());
    for text in ["type", "title", "detail", "code"] {
        assert!(
            body[text].as_str().is_some_and(|text| !text.is_empty()),
            "{text} in {body}"
        );
    }
    let field = body.get("errors").map(|errors| {
        let text = |name: &str| errors[0][name].as_str().unwrap().to_owned();
        (text("pointer"), text("code"))
    });
    (status, body["code"].as_str().unwrap().to_owned(), field)
}
