//! What RabbitMQ's management is asked: which queues may refuse what is published.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use reqwest::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::{AmqpUrl, ENTITY_EXCHANGES, UNROUTED_EXCHANGE, WATERMARK_EXCHANGE};

/// Nobody waits long for what is only a better message.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);
/// So many queues are named.
const NAMED_MAX: usize = 5;

/// Where the management answers, and as whom: `http://user:password@host:port`. `Debug` and `Display` leave the password
/// out.
#[derive(Clone, PartialEq, Eq)]
pub struct ManagementUrl(Url);

/// The text is no such address. Says nothing of the text itself: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not of the form http://USER:PASSWORD@HOST:PORT")]
pub struct InvalidManagementUrl;

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
    ///
    /// # Errors
    /// One of them is no url.
    pub fn with_user_of(management_url: &str, amqp_url: &str) -> Result<Self, InvalidManagementUrl> {
        let mut url = Url::parse(management_url).map_err(|_| InvalidManagementUrl)?;
        let amqp_url = Url::parse(amqp_url).map_err(|_| InvalidManagementUrl)?;
        url.set_username(amqp_url.username())
            .map_err(|()| InvalidManagementUrl)?;
        url.set_password(amqp_url.password())
            .map_err(|()| InvalidManagementUrl)?;
        url.as_str().parse()
    }

    /// The user and the password, as they were before they became part of a url. Never log them.
    pub fn credentials(&self) -> (String, String) {
        let password = self.0.password().unwrap_or_default();
        (percent_decoded(self.0.username()), percent_decoded(password))
    }

    /// The address without user and password.
    pub fn bare(&self) -> Url {
        let mut bare = self.0.clone();
        // Refused only to a url without a host.
        let _ = (bare.set_username(""), bare.set_password(None));
        bare
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

/// The user's name and password as they were before they became part of a url.
fn percent_decoded(text: &str) -> String {
    // A query of one name without a value is the same encoding, but for `+`.
    let text = text.replace('+', "%2B");
    let mut decoded = url::form_urlencoded::parse(text.as_bytes());
    decoded.next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

#[derive(Deserialize)]
struct BoundTo {
    destination: String,
    destination_type: String,
}

/// A queue as the management tells of it, with what has to do with refusing.
#[derive(Deserialize)]
struct Queue {
    name: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    node: String,
    #[serde(default)]
    messages: u64,
    #[serde(default)]
    policy: Option<String>,
    #[serde(default)]
    operator_policy: Option<String>,
    #[serde(default)]
    arguments: Limits,
    #[serde(default)]
    effective_policy_definition: Option<Limits>,
}

#[derive(Default, Deserialize)]
struct Limits {
    #[serde(default, alias = "x-overflow")]
    overflow: Option<String>,
}

impl Queue {
    /// Why it may refuse what is published; none when it has no reason to.
    fn refusal(&self) -> Option<String> {
        let Self {
            name, node, messages, ..
        } = self;
        if matches!(self.state.as_str(), "down" | "stopped" | "crashed") {
            return Some(format!("{name} is {} (its node {node})", self.state));
        }
        let rejects = |limits: &Limits| {
            let overflow = limits.overflow.as_deref().unwrap_or_default();
            overflow.starts_with("reject-publish")
        };
        if self.effective_policy_definition.as_ref().is_some_and(rejects) {
            let policies = [&self.policy, &self.operator_policy];
            let names: Vec<&str> = policies.into_iter().filter_map(|name| name.as_deref()).collect();
            let names = names.join(", ");
            return Some(format!(
                "{name} is told to refuse (overflow = reject-publish, by policy: {names}) and holds {messages} messages"
            ));
        }
        rejects(&self.arguments).then(|| {
            format!("{name} is declared to refuse (x-overflow = reject-publish) and holds {messages} messages")
        })
    }
}

/// Names the queues bound to our exchanges that may refuse what is published, and why, in one line; none when there is no such
/// queue, or when the management does not say: what is asked is only a better message.
pub async fn refusing_queues(management: &ManagementUrl, broker: &AmqpUrl) -> Option<String> {
    let client = Client::builder().no_proxy().timeout(REQUEST_TIMEOUT).build().ok()?;
    let asked = ask(&client, management, broker.vhost()).await;
    let refusals = asked
        .inspect_err(|error| tracing::debug!(%error, "the management does not say which queue refuses"))
        .ok()?;
    let named = refusals.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join("; ");
    (!named.is_empty()).then_some(named)
}

async fn ask(client: &Client, management: &ManagementUrl, vhost: &str) -> reqwest::Result<Vec<String>> {
    let mut bound = Vec::new();
    for exchange in ENTITY_EXCHANGES
        .into_iter()
        .chain([WATERMARK_EXCHANGE, UNROUTED_EXCHANGE])
    {
        let path = ["exchanges", vhost, exchange, "bindings", "source"];
        let bindings: Vec<BoundTo> = get(client, management, &path).await?;
        let queues = bindings
            .into_iter()
            .filter(|binding| binding.destination_type == "queue");
        bound.extend(queues.map(|binding| binding.destination));
    }
    let queues: Vec<Queue> = get(client, management, &["queues", vhost]).await?;
    let bound = queues.iter().filter(|queue| bound.contains(&queue.name));
    Ok(bound.filter_map(Queue::refusal).collect())
}

async fn get<T: DeserializeOwned>(client: &Client, management: &ManagementUrl, path: &[&str]) -> reqwest::Result<T> {
    let mut url = management.bare();
    // Segments are encoded one by one: the vhost `/` is `%2F`.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push("api").extend(path);
    }
    let (user, password) = management.credentials();
    let answer = client.get(url).basic_auth(user, Some(password)).send().await?;
    answer
        .error_for_status()?
        .json()
        .await
        .map_err(reqwest::Error::without_url)
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
