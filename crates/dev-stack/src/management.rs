//! The broker's management over HTTP.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Why the management did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManagementError {
    #[error("the request to the management failed")]
    Request(#[from] reqwest::Error),
    #[error("the management answered {status}: {body}")]
    Refused { status: StatusCode, body: String },
    #[error("the url {0} of the broker cannot be used")]
    Url(String),
}

/// A client that logs in as the user of the broker's url.
#[derive(Debug, Clone)]
pub(crate) struct Management {
    client: reqwest::Client,
    base: String,
    user: String,
    password: String,
}

impl Management {
    /// Makes a client for the management at `management_url` of the broker at `amqp_url`.
    pub(crate) fn new(management_url: &str, amqp_url: &str) -> Result<Self, ManagementError> {
        let amqp = Url::parse(amqp_url).map_err(|_| ManagementError::Url("(amqp)".to_owned()))?;
        let or_guest = |text: &str| {
            if text.is_empty() {
                "guest".to_owned()
            } else {
                crate::url_text::decode(text)
            }
        };
        Ok(Self {
            client: reqwest::Client::builder().timeout(REQUEST_TIMEOUT).no_proxy().build()?,
            base: management_url.trim_end_matches('/').to_owned(),
            user: or_guest(amqp.username()),
            password: or_guest(amqp.password().unwrap_or_default()),
        })
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// Sends a request to `/api/{path}`; the path's segments are already encoded.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ManagementError> {
        let mut request = self
            .client
            .request(method, format!("{}/api/{path}", self.base))
            .basic_auth(&self.user, Some(&self.password));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        if !status.is_success() {
            return Err(ManagementError::Refused { status, body: text });
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Reads a list; entries of another shape are left out.
    pub(crate) async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ManagementError> {
        let Value::Array(items) = self.send(Method::GET, path, None).await? else {
            return Ok(Vec::new());
        };
        Ok(items
            .into_iter()
            .filter_map(|item| serde_json::from_value(item).ok())
            .collect())
    }
}
