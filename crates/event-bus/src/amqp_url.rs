//! Where the broker is: an AMQP URL that never shows its password.

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
/// The vhost is percent-encoded (`%2f` is `/`); none, or an empty one, means `/`. With `amqps` the broker's certificate is
/// always verified, host name included: by the certificate authorities of `cacertfile` and no others, else by the
/// system's. `Debug` and `Display` leave the password out.
#[derive(Clone, PartialEq, Eq)]
pub struct AmqpUrl {
    uri: AMQPUri,
    text: String,
    trust: Trust,
}

/// The text is not the address of a broker. Says nothing of the text itself: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidAmqpUrl(#[from] Reason);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("not of the form amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps:// for TLS")]
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
    pub(crate) fn uri(&self) -> &AMQPUri {
        &self.uri
    }

    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The user and the password, `guest` and `guest` when there are none in the url. Never log them.
    pub fn credentials(&self) -> (&str, &str) {
        let userinfo = &self.uri.authority.userinfo;
        (&userinfo.username, &userinfo.password)
    }

    /// Whether who is in the network can read what goes to the broker, and answer in its place: there is no TLS, and the
    /// broker is not on this machine.
    pub fn is_exposed(&self) -> bool {
        let host = &self.uri.authority.host;
        let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        self.uri.scheme == AMQPScheme::AMQP && !is_loopback
    }

    /// The whole address, password included, for handing it to another process. Never log it.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl FromStr for AmqpUrl {
    type Err = InvalidAmqpUrl;

    fn from_str(text: &str) -> Result<Self, InvalidAmqpUrl> {
        let url = Url::parse(text).map_err(|_| Reason::Form)?;
        let host = url.host().ok_or(Reason::Form)?;
        let mut uri: AMQPUri = text.parse().map_err(|_| Reason::Form)?;
        // The library's own parser knows names only and would silently take `localhost` for an IPv6 address.
        if let Host::Ipv6(address) = host {
            uri.authority.host = address.to_string();
        }
        if uri.vhost.is_empty() {
            uri.vhost = "/".into();
        }
        Ok(Self {
            trust: trust(&url)?,
            uri,
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

impl fmt::Display for AmqpUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri {
            scheme,
            authority,
            vhost,
            ..
        } = &self.uri;
        let (user, port) = (&authority.userinfo.username, authority.port);
        let host = if authority.host.contains(':') {
            format!("[{}]", authority.host)
        } else {
            authority.host.clone()
        };
        write!(
            formatter,
            "{scheme}://{user}@{host}:{port}/{}",
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
    fn what_is_no_address_is_refused_without_being_repeated() {
        for text in [
            "",
            "broker",
            "http://u:s3cret@h",
            "amqp:s3cret",
            "amqp://u:s3cret@h:99999/",
            "amqp://",
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
