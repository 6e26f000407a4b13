//! A client of the services: where they answer, who asks, and what they refuse in words for the person at the terminal.

mod answer;
mod refusal;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::header::LOCATION;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::{Host, Url};

use crate::deployment::{Deployment, DeploymentError};
pub(crate) use answer::Answer;
pub(crate) use refusal::Refusal;

/// Where `marquee up` answers when nothing else is said.
const DEFAULT_URL: &str = "http://127.0.0.1:3000";
/// Who asks, recorded with what an operator does.
const OPERATOR: &str = "marquee-operator";
/// A retry of a stream with many events takes some seconds; everything else is short.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the services answer.
#[derive(Args, Clone, Debug)]
pub(crate) struct ApiArgs {
    /// Where the services answer [default: the `marquee up` that runs in the home, else http://127.0.0.1:3000]
    #[arg(long, env = "MARQUEE_URL", value_name = "URL", value_parser = http_url)]
    url: Option<Url>,
    /// The home in which a running `marquee up` is looked for [default: target/marquee of the checkout]
    #[arg(long, env = "MARQUEE_HOME", value_name = "DIRECTORY")]
    home: Option<PathBuf>,
}

/// Who acts.
#[derive(Args, Clone, Debug)]
pub(crate) struct OperatorArgs {
    /// Your name, recorded with what you do [default: $USER]
    #[arg(long, env = "MARQUEE_OPERATOR", value_name = "NAME", value_parser = operator)]
    operator: Option<String>,
}

fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}; it looks like {DEFAULT_URL}"))?;
    match (url.scheme(), url.host()) {
        ("http", Some(_)) => Ok(url),
        _ => Err(format!("it looks like {DEFAULT_URL}")),
    }
}

fn operator(text: &str) -> Result<String, &'static str> {
    let fits = (1..=64).contains(&text.len()) && text.chars().all(|one| one == ' ' || one.is_ascii_graphic());
    if fits {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 64 printable ASCII characters")
    }
}

impl OperatorArgs {
    /// The name that was given, else the account's; none when that is no name a header can carry.
    pub(crate) fn name(&self) -> Option<String> {
        let account = || std::env::var("USER").ok().and_then(|user| operator(&user).ok());
        self.operator.clone().or_else(account)
    }
}

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

impl ApiArgs {
    /// A client of the given address, else of what runs in the home, else of the usual address.
    ///
    /// # Errors
    /// [`ApiError::Deployment`].
    pub(crate) fn api(&self) -> Result<Api, ApiError> {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => self.running()?,
        };
        Ok(Api {
            client: client_of(&url),
            url: url.as_str().trim_end_matches('/').to_owned(),
            shown_url: without_password(url),
            operator: None,
        })
    }

    /// As [`ApiArgs::api`], in somebody's name.
    ///
    /// # Errors
    /// [`ApiError::Deployment`].
    pub(crate) fn api_as(&self, operator: &OperatorArgs) -> Result<Api, ApiError> {
        let operator = operator.name();
        Ok(Api {
            operator,
            ..self.api()?
        })
    }

    fn running(&self) -> Result<Url, DeploymentError> {
        let home = self.home.clone().unwrap_or_else(dev_stack::default_home);
        let running = Deployment::running(&home)?.map(|deployment| deployment.url);
        let parsed = running.and_then(|url| http_url(&url).ok());
        Ok(parsed.unwrap_or_else(|| Url::parse(DEFAULT_URL).expect("the usual address is a url")))
    }
}

fn without_password(mut url: Url) -> String {
    if url.password().is_some() {
        // Only a url without a host refuses, and it was checked to have one.
        let _refused = url.set_password(None);
    }
    url.as_str().trim_end_matches('/').to_owned()
}

/// A client for the address: a proxy that the environment names for the rest of the world is not asked for this machine.
pub(crate) fn client_of(url: &Url) -> Client {
    let builder = Client::builder().connect_timeout(CONNECT_TIMEOUT);
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let builder = if is_local { builder.no_proxy() } else { builder };
    builder.build().expect("nothing is asked for that a client may lack")
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

#[cfg(test)]
mod tests {
    use super::{http_url, operator, without_password};

    #[test]
    fn an_address_is_one_of_http() {
        assert!(http_url("http://marquee.example:8080/base/").is_ok());
        for text in ["", "marquee:3000", "127.0.0.1:3000", "amqp://me:secret@broker"] {
            let refused = http_url(text).expect_err("no address");
            assert!(
                refused.contains("it looks like http://") && !refused.contains("secret"),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_password_in_the_address_is_never_shown() {
        let url = http_url("http://ada:secret@marquee.example/base/").expect("an address");
        assert_eq!(without_password(url), "http://ada@marquee.example/base");
    }

    #[test]
    fn an_operator_is_a_short_printable_name() {
        assert!(operator("Ada Lovelace").is_ok());
        for text in ["", "zoë", "line\nbreak", &"x".repeat(65)] {
            assert!(operator(text).is_err(), "{text}");
        }
    }
}
