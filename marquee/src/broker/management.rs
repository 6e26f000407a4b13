//! RabbitMQ's management over HTTP: what it is asked to make, and why it would not.

use std::time::Duration;

use event_bus::ManagementUrl;
use reqwest::{Client, Method, StatusCode};
use serde::Serialize;
use serde_json::Value;
use url::Url;

/// A vhost takes the broker a second or two to make.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Why the management did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManagementError {
    #[error("RabbitMQ's management does not answer at {url}")]
    Unreachable { url: String, source: reqwest::Error },
    #[error("RabbitMQ's management refuses {what}: HTTP {status}: {reason}")]
    Refused {
        what: String,
        status: StatusCode,
        reason: String,
    },
}

/// A client of the management, as its user.
pub(crate) struct Management {
    client: Client,
    url: Url,
    user: String,
    password: String,
}

impl Management {
    pub(crate) fn new(management_url: &ManagementUrl) -> Self {
        let (user, password) = management_url.credentials();
        let client = Client::builder().no_proxy().timeout(REQUEST_TIMEOUT).build();
        Self {
            client: client.expect("nothing is asked for that a client may lack"),
            user,
            password,
            url: management_url.bare(),
        }
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// Makes what is named by the segments below `/api`, or changes it.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub(crate) async fn put(&self, segments: &[&str], body: &impl Serialize) -> Result<(), ManagementError> {
        let body = serde_json::to_value(body).expect("what is put is JSON");
        match self.ask(Method::PUT, segments, Some(body)).await? {
            (status, _) if status.is_success() => Ok(()),
            (status, reason) => Err(refused(segments, status, reason)),
        }
    }

    /// Removes what is named by the segments below `/api`, if it is there.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub(crate) async fn delete(&self, segments: &[&str]) -> Result<(), ManagementError> {
        match self.ask(Method::DELETE, segments, None).await? {
            (StatusCode::NOT_FOUND, _) => Ok(()),
            (status, _) if status.is_success() => Ok(()),
            (status, reason) => Err(refused(segments, status, reason)),
        }
    }

    /// Gives what the broker lists under the segments below `/api`.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub(crate) async fn list(&self, segments: &[&str]) -> Result<Vec<Value>, ManagementError> {
        match self.ask(Method::GET, segments, None).await? {
            (status, body) if status.is_success() => Ok(serde_json::from_str(&body).unwrap_or_default()),
            (status, reason) => Err(refused(segments, status, reason)),
        }
    }

    /// Tells whether it is there.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub(crate) async fn exists(&self, segments: &[&str]) -> Result<bool, ManagementError> {
        match self.ask(Method::GET, segments, None).await? {
            (StatusCode::NOT_FOUND, _) => Ok(false),
            (status, _) if status.is_success() => Ok(true),
            (status, reason) => Err(refused(segments, status, reason)),
        }
    }

    async fn ask(
        &self,
        method: Method,
        segments: &[&str],
        body: Option<Value>,
    ) -> Result<(StatusCode, String), ManagementError> {
        let mut url = self.url.clone();
        // Segments are encoded one by one: the vhost `/` is `%2F`.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("api").extend(segments);
        }
        let mut request = self
            .client
            .request(method, url)
            .basic_auth(&self.user, Some(&self.password));
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answered = async {
            let response = request.send().await?;
            Ok((response.status(), response.text().await?))
        };
        answered
            .await
            .map_err(|source: reqwest::Error| ManagementError::Unreachable {
                url: self.url.to_string(),
                source: source.without_url(),
            })
    }
}

/// `{"error": "bad_request", "reason": "..."}` is told by its reason.
fn refused(segments: &[&str], status: StatusCode, body: String) -> ManagementError {
    let parsed: Option<Value> = serde_json::from_str(&body).ok();
    let reason = parsed.and_then(|told| Some(told.get("reason")?.as_str()?.to_owned()));
    ManagementError::Refused {
        what: segments.join("/"),
        status,
        reason: reason.unwrap_or_else(|| body.chars().take(200).collect()),
    }
}
