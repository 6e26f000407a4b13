//! RabbitMQ's management over HTTP: what it is asked to make, and why it would not.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde::Serialize;
use serde_json::Value;
use url::Url;

/// A vhost takes the broker a second or two to make.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Where the management answers, and as whom: `http://user:password@host:port`. `Debug` and `Display` leave the password
/// out.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ManagementUrl(Url);

/// The text is no such address. Says nothing of the text itself: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not of the form http://USER:PASSWORD@HOST:PORT")]
pub(crate) struct InvalidManagementUrl;

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

impl FromStr for ManagementUrl {
    type Err = InvalidManagementUrl;

    fn from_str(text: &str) -> Result<Self, InvalidManagementUrl> {
        let url = Url::parse(text).map_err(|_| InvalidManagementUrl)?;
        let usable = url.scheme() == "http" && url.has_host() && !url.username().is_empty();
        if usable {
            Ok(Self(url))
        } else {
            Err(InvalidManagementUrl)
        }
    }
}

impl ManagementUrl {
    /// The management at `management_url`, as the user whose name and password are in `amqp_url`.
    pub(crate) fn with_user_of(management_url: &str, amqp_url: &str) -> Result<Self, InvalidManagementUrl> {
        let mut url = Url::parse(management_url).map_err(|_| InvalidManagementUrl)?;
        let amqp_url = Url::parse(amqp_url).map_err(|_| InvalidManagementUrl)?;
        url.set_username(amqp_url.username())
            .map_err(|()| InvalidManagementUrl)?;
        url.set_password(amqp_url.password())
            .map_err(|()| InvalidManagementUrl)?;
        url.as_str().parse()
    }

    /// The user and the password, as they were before they became part of a url.
    pub(super) fn credentials(&self) -> (String, String) {
        let password = self.0.password().unwrap_or_default();
        (percent_decoded(self.0.username()), percent_decoded(password))
    }

    /// Whether it is on another machine: HTTP protects nothing.
    pub(super) fn is_exposed(&self) -> bool {
        !self.0.host_str().is_some_and(service::is_loopback)
    }
}

impl fmt::Display for ManagementUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        // Refused only to a url without a host.
        let _ = url.set_password(None);
        write!(formatter, "{url}")
    }
}

impl fmt::Debug for ManagementUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ManagementUrl({self})")
    }
}

impl Management {
    pub(crate) fn new(management_url: &ManagementUrl) -> Self {
        let (user, password) = management_url.credentials();
        let client = Client::builder().no_proxy().timeout(REQUEST_TIMEOUT).build();
        let mut bare = management_url.0.clone();
        // Refused only to a url without a host.
        let _ = (bare.set_username(""), bare.set_password(None));
        Self {
            client: client.expect("nothing is asked for that a client may lack"),
            user,
            password,
            url: bare,
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

/// The user's name and password as they were before they became part of a url.
fn percent_decoded(text: &str) -> String {
    // A query of one name without a value is the same encoding, but for `+`.
    let text = text.replace('+', "%2B");
    let mut decoded = url::form_urlencoded::parse(text.as_bytes());
    decoded.next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{ManagementUrl, percent_decoded};

    #[test]
    fn an_address_has_a_user_and_never_shows_its_password() {
        let url: ManagementUrl = "http://admin:s3cret@broker:15672".parse().expect("an address");
        assert_eq!(url.to_string(), "http://admin@broker:15672/");
        assert!(!format!("{url:?}").contains("s3cret"));
        for text in [
            "",
            "broker:15672",
            "http://broker:15672",
            "amqp://me:s3cret@broker",
            "https://me:s3cret@broker",
        ] {
            let refusal = text.parse::<ManagementUrl>().expect_err(text);
            assert!(!refusal.to_string().contains("s3cret"));
        }
    }

    #[test]
    fn names_and_passwords_are_what_they_were_before_they_were_encoded() {
        for (encoded, plain) in [("", ""), ("a%2Fb%40c", "a/b@c"), ("a+b", "a+b"), ("%26%3D", "&=")] {
            assert_eq!(percent_decoded(encoded), plain);
        }
    }
}
