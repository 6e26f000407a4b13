//! A client as anybody would write one.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::time::Instant;

use crate::PATIENCE;

/// Posts and queries over HTTP. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
}

/// An answer: what a test may look at.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null when it is empty or no JSON.
    pub body: Value,
}

impl Answer {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The position of an accepted command's last event.
    pub fn position(&self) -> i64 {
        let position = self.header("event-position").and_then(|position| position.parse().ok());
        position.unwrap_or_else(|| panic!("no position in {self:?}"))
    }

    /// Itself, when the request was accepted.
    pub fn accepted(self) -> Self {
        assert!((200..300).contains(&self.status), "{self:?}");
        self
    }
}

impl Client {
    /// A client of the services at `url`.
    pub fn new(url: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            url: url.to_owned(),
        }
    }

    /// A request to a path, for what the others do not offer.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// Sends a JSON body.
    pub async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        finish(self.request(method, path).json(&body)).await.expect("an answer")
    }

    /// POSTs a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    /// PUTs a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, body).await
    }

    /// PUTs without a body.
    pub async fn put_empty(&self, path: &str) -> Answer {
        finish(self.request(Method::PUT, path)).await.expect("an answer")
    }

    /// DELETEs.
    pub async fn delete(&self, path: &str) -> Answer {
        finish(self.request(Method::DELETE, path)).await.expect("an answer")
    }

    /// Queries.
    pub async fn get(&self, path: &str) -> Answer {
        finish(self.request(Method::GET, path)).await.expect("an answer")
    }

    /// Queries what a command has written: waits on the server's side until the read model has it, and asks again while that
    /// takes longer than a server waits, as on a slow machine.
    pub async fn get_at(&self, path: &str, position: i64) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let request = self
                .request(Method::GET, path)
                .header(HeaderName::from_static("min-position"), HeaderValue::from(position))
                .header("prefer", "wait=10");
            let answer = finish(request).await.expect("an answer");
            if answer.body["code"] != "READ_MODEL_BEHIND" || Instant::now() > deadline {
                return answer;
            }
        }
    }

    /// POSTs a JSON body with a key; an error when there was no answer.
    ///
    /// # Errors
    /// When the connection failed.
    pub async fn try_post(&self, path: &str, body: &Value, key: &str) -> Result<Answer, reqwest::Error> {
        finish(
            self.request(Method::POST, path)
                .header("idempotency-key", key)
                .json(body),
        )
        .await
    }
}

async fn finish(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await?;
    Ok(Answer {
        status,
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}
