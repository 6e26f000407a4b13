//! Where the broker is: an AMQP URL, of one node or of several, that never shows its password.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use lapin::uri::{AMQPScheme, AMQPUri};
use url::{Host, Url};

use crate::trust::{Trust, Untrusted};

/// What may stand behind the `?`. Anything else is refused: it would be passed over, and with it what was meant.
const PARAMETERS: [&str; 7] = [
    CA_FILE,
    "auth_mechanism",
    "channel_max",
    "connection_timeout",
    "frame_max",
    "heartbeat",
    VERIFY,
];
/// As RabbitMQ's own clients name it.
const CA_FILE: &str = "cacertfile";
const VERIFY: &str = "verify";

/// Address of a broker: `amqp://user:password@host:port/vhost`, or `amqps://...?cacertfile=FILE` for TLS.
///
/// The nodes of a cluster stand side by side, with commas: `amqp://user:password@a:5672,b:5672,c:5672/vhost`. User,
/// password, vhost and query are the same for all of them.
///
/// The vhost is percent-encoded (`%2f` is `/`); none, or an empty one, means `/`. With `amqps` the broker's certificate is
/// always verified, host name included: by the certificate authorities of `cacertfile` and no others, else by the
/// system's. `Debug` and `Display` leave the password out.
#[derive(Clone, PartialEq, Eq)]
pub struct AmqpUrl {
    /// One for each node, at least one.
    uris: Vec<AMQPUri>,
    text: String,
    trust: Trust,
}

/// The text is not the address of a broker. Says nothing of the text itself: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidAmqpUrl(#[from] Reason);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("not of the form amqp://USER:PASSWORD@HOST:PORT[,HOST:PORT...]/VHOST, or amqps:// for TLS")]
    Form,
    #[error("the url has a parameter that is not known; known are {}", PARAMETERS.join(", "))]
    Parameter,
    #[error("the certificate of a broker is always verified: verify must be verify_peer")]
    Verify,
    #[error("{CA_FILE} is for amqps://, and the url begins with amqp://")]
    NoTls,
    #[error("{CA_FILE}: {0}")]
    File(Untrusted),
}

impl AmqpUrl {
    pub(crate) fn uris(&self) -> &[AMQPUri] {
        &self.uris
    }

    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The user and the password, `guest` and `guest` when there are none in the url. Never log them.
    pub fn credentials(&self) -> (&str, &str) {
        let userinfo = &self.uris[0].authority.userinfo;
        (&userinfo.username, &userinfo.password)
    }

    /// The vhost, the same for all nodes.
    pub(crate) fn vhost(&self) -> &str {
        &self.uris[0].vhost
    }

    /// Whether who is in the network can read what goes to the broker, and answer in its place: there is no TLS, and a
    /// node is not on this machine.
    pub fn is_exposed(&self) -> bool {
        self.uris.iter().any(|uri| {
            let host = &uri.authority.host;
            let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
            uri.scheme == AMQPScheme::AMQP && !is_loopback
        })
    }

    /// The whole address, password included, for handing it to another process. Never log it.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl FromStr for AmqpUrl {
    type Err = InvalidAmqpUrl;

    fn from_str(text: &str) -> Result<Self, InvalidAmqpUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(Reason::Form)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        // A comma in a password separates nothing.
        let (login, nodes) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        let nodes = nodes.split(',').map(|node| format!("{scheme}://{login}{node}{path}"));
        let urls = nodes.map(|node| Ok((node.parse::<Url>().map_err(|_| Reason::Form)?, node)));
        let urls: Vec<(Url, String)> = urls.collect::<Result<_, Reason>>()?;
        let uris = urls.iter().map(|(url, node)| of_one_node(url, node));
        Ok(Self {
            uris: uris.collect::<Result<_, _>>()?,
            trust: trust(&urls[0].0)?,
            text: text.to_owned(),
        })
    }
}

/// Reads whom to believe, and refuses what would be passed over.
fn trust(url: &Url) -> Result<Trust, Reason> {
    let mut trust = Trust::System;
    for (name, value) in url.query_pairs() {
        match &*name {
            VERIFY if value != "verify_peer" => return Err(Reason::Verify),
            CA_FILE if url.scheme() != "amqps" => return Err(Reason::NoTls),
            CA_FILE => trust = Trust::File((&*value).into()),
            known if PARAMETERS.contains(&known) => {}
            _ => return Err(Reason::Parameter),
        }
    }
    trust.check().map_err(Reason::File)?;
    Ok(trust)
}

fn of_one_node(url: &Url, text: &str) -> Result<AMQPUri, Reason> {
    let host = url.host().ok_or(Reason::Form)?;
    let mut uri: AMQPUri = text.parse().map_err(|_| Reason::Form)?;
    // The library's own parser knows names only and would silently take `localhost` for an IPv6 address.
    if let Host::Ipv6(address) = host {
        uri.authority.host = address.to_string();
    }
    if uri.vhost.is_empty() {
        uri.vhost = "/".into();
    }
    Ok(uri)
}

/// The address of a node: `host:port`.
pub(crate) fn address(uri: &AMQPUri) -> String {
    let (host, port) = (&uri.authority.host, uri.authority.port);
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

impl fmt::Display for AmqpUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri {
            scheme,
            authority,
            vhost,
            ..
        } = &self.uris[0];
        let user = &authority.userinfo.username;
        let nodes: Vec<String> = self.uris.iter().map(address).collect();
        write!(
            formatter,
            "{scheme}://{user}@{}/{}",
            nodes.join(","),
            vhost.replace('/', "%2f")
        )
    }
}

impl fmt::Debug for AmqpUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AmqpUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::AmqpUrl;

    fn shown(text: &str) -> String {
        text.parse::<AmqpUrl>().expect("a valid address").to_string()
    }

    #[test]
    fn the_password_is_never_shown() {
        let url: AmqpUrl = "amqp://relay:s3cret@broker:5673/%2f".parse().expect("a valid address");
        assert_eq!(url.to_string(), "amqp://relay@broker:5673/%2f");
        assert!(!format!("{url:?}").contains("s3cret"));
    }

    #[test]
    fn an_absent_or_empty_vhost_is_the_default_one() {
        assert_eq!(shown("amqp://u:p@h"), "amqp://u@h:5672/%2f");
        assert_eq!(shown("amqp://u:p@h/"), "amqp://u@h:5672/%2f");
        assert_eq!(shown("amqp://u:p@h/test"), "amqp://u@h:5672/test");
    }

    #[test]
    fn addresses_of_both_families_are_kept() {
        assert_eq!(shown("amqp://u:p@[::1]:5/v"), "amqp://u@[::1]:5/v");
        assert_eq!(shown("amqps://u:p@10.0.0.1/v"), "amqps://u@10.0.0.1:5671/v");
    }

    #[test]
    fn the_nodes_of_a_cluster_stand_side_by_side() {
        assert_eq!(
            shown("amqp://u:p@a,b:5,[::1]:6/v?heartbeat=5"),
            "amqp://u@a:5672,b:5,[::1]:6/v"
        );
        let url: AmqpUrl = "amqps://u:p%2C,q@a,b"
            .parse()
            .expect("a comma in a password is no separator");
        assert_eq!(url.to_string(), "amqps://u@a:5671,b:5671/%2f");
        assert!(url.uris().iter().all(|uri| uri.authority.userinfo.password == "p,,q"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for text in [
            "",
            "broker",
            "http://u:s3cret@h",
            "amqp:s3cret",
            "amqp://u:s3cret@h:99999/",
            "amqp://",
            "amqp://u:s3cret@a,/v",
            "amqp://u:s3cret@,a/v",
            "amqp://u:s3cret@a,b:99999/v",
        ] {
            let refusal = text.parse::<AmqpUrl>().expect_err(text);
            assert!(!refusal.to_string().contains("s3cret"));
        }
    }

    #[test]
    fn a_parameter_that_would_be_passed_over_is_refused() {
        for (text, words) in [
            ("amqps://u:s3cret@h?cacert=/s3cret", "known are cacertfile"),
            ("amqps://u:s3cret@h?verify=verify_none", "always verified"),
            ("amqp://u:s3cret@h?cacertfile=/dev/null", "amqps://"),
            ("amqps://u:s3cret@h?cacertfile=/dev/null", "no certificate"),
            ("amqps://u:s3cret@h?cacertfile=/nowhere", "/nowhere cannot be read"),
        ] {
            let refusal = text.parse::<AmqpUrl>().expect_err(text).to_string();
            assert!(refusal.contains(words) && !refusal.contains("s3cret"), "{refusal}");
        }
    }

    #[test]
    fn without_tls_what_goes_to_another_machine_is_exposed() {
        let is_exposed = |text: &str| text.parse::<AmqpUrl>().expect(text).is_exposed();
        assert!(is_exposed("amqp://u:p@h") && is_exposed("amqp://u:p@10.0.0.1"));
        for text in [
            "amqps://u:p@h?heartbeat=5&verify=verify_peer",
            "amqp://u:p@localhost",
            "amqp://u:p@127.0.0.1",
            "amqp://u:p@[::1]",
        ] {
            assert!(!is_exposed(text), "{text}");
        }
    }
}
