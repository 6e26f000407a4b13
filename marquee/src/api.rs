//! A client of the services; what they refuse is told in words for the person at the terminal.

mod answer;
mod arguments;
mod refusal;

use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::deployment::DeploymentError;
pub(crate) use answer::Answer;
pub(crate) use arguments::{ApiArgs, OperatorArgs};
pub(crate) use refusal::Refusal;

/// Who asks, recorded with what an operator does.
const OPERATOR: &str = "marquee-operator";
/// A retry of a stream with many events takes some seconds; everything else is short.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the services gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    #[error("nothing answers at {url}; is Marquee running there? Another address is given with --url or MARQUEE_URL")]
    Unreachable { url: String, source: reqwest::Error },
    #[error("{method} {url} was not answered")]
    Broken {
        method: Method,
        url: String,
        source: reqwest::Error,
    },
    #[error(transparent)]
    Refused(#[from] Box<Refusal>),
    #[error("{method} {url} was answered as no service of Marquee answers")]
    Foreign {
        method: Method,
        url: String,
        source: serde_json::Error,
    },
}

impl ApiError {
    /// The refusal, when it is one with this code.
    pub(crate) fn refused_with(&self, code: &str) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) if refusal.code.as_deref() == Some(code) => Some(refusal),
            _ => None,
        }
    }
}

/// Asks the services at one address. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    client: Client,
    /// Without a slash at its end.
    url: String,
    /// The same without a password.
    shown_url: String,
    operator: Option<String>,
}

impl Api {
    /// Where the services answer.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The same for eyes, without a password.
    pub(crate) fn shown_url(&self) -> &str {
        &self.shown_url
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The answer to a query.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.ask(Method::GET, path, None).await
    }

    /// The answer to an action, with what it is told.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: Value) -> Result<T, ApiError> {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// Asks for an end of what is under the path; what the service says of it.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(crate) async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.ask(Method::DELETE, path, None).await
    }

    /// Reads an answer with its status, whatever it is, for endpoints that tell a bad state by it.
    ///
    /// # Errors
    /// [`ApiError`], but not for a status.
    pub(crate) async fn get_any(&self, path: &str, timeout: Duration) -> Result<(StatusCode, Vec<u8>), ApiError> {
        let request = self.request(Method::GET, path).timeout(timeout);
        let response = self.send(Method::GET, path, request).await?;
        let status = response.status();
        let bytes = response
            .bytes()
            .await
            .map_err(|source| self.broken(Method::GET, path, source))?;
        Ok((status, bytes.to_vec()))
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<Value>) -> Result<T, ApiError> {
        let mut request = self.request(method.clone(), path);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let response = self.send(method.clone(), path, request).await?;
        let bytes = self.accepted(method.clone(), path, response).await?;
        serde_json::from_slice(&bytes).map_err(|source| ApiError::Foreign {
            method,
            url: self.at(path),
            source,
        })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .timeout(REQUEST_TIMEOUT);
        match &self.operator {
            Some(operator) => request.header(OPERATOR, operator),
            None => request,
        }
    }

    async fn send(&self, method: Method, path: &str, request: RequestBuilder) -> Result<Response, ApiError> {
        request.send().await.map_err(|source| {
            if source.is_connect() {
                let url = self.shown_url.clone();
                let source = source.without_url();
                ApiError::Unreachable { url, source }
            } else {
                self.broken(method, path, source)
            }
        })
    }

    /// The body of a success; else the refusal.
    async fn accepted(&self, method: Method, path: &str, response: Response) -> Result<Vec<u8>, ApiError> {
        let status = response.status();
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.map(str::to_owned);
        let bytes = response
            .bytes()
            .await
            .map_err(|source| self.broken(method.clone(), path, source))?;
        if status.is_success() {
            return Ok(bytes.to_vec());
        }
        let request = format!("{method} {}", self.at(path));
        Err(Box::new(Refusal::of(request, status, location, &bytes)).into())
    }

    /// For eyes.
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.shown_url)
    }

    fn broken(&self, method: Method, path: &str, source: reqwest::Error) -> ApiError {
        ApiError::Broken {
            method,
            url: self.at(path),
            // The url is told already.
            source: source.without_url(),
        }
    }
}
