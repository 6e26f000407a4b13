//! Where the broker is: an AMQP URL that never shows its password.

use std::fmt;
use std::str::FromStr;

use lapin::uri::AMQPUri;
use url::{Host, Url};

/// Address of a broker: `amqp://user:password@host:port/vhost` (`amqps` for TLS).
///
/// The vhost is percent-encoded (`%2f` is `/`); none, or an empty one, means `/`. `Debug` and `Display` leave the
/// password out.
#[derive(Clone, PartialEq, Eq)]
pub struct AmqpUrl {
    uri: AMQPUri,
    text: String,
}

/// The text is not the address of a broker. Says nothing of the text itself: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not of the form amqp://USER:PASSWORD@HOST:PORT/VHOST")]
pub struct InvalidAmqpUrl;

impl AmqpUrl {
    pub(crate) fn uri(&self) -> &AMQPUri {
        &self.uri
    }

    /// The whole address, password included, for handing it to another process. Never log it.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl FromStr for AmqpUrl {
    type Err = InvalidAmqpUrl;

    fn from_str(text: &str) -> Result<Self, InvalidAmqpUrl> {
        let url = Url::parse(text).map_err(|_| InvalidAmqpUrl)?;
        let host = url.host().ok_or(InvalidAmqpUrl)?;
        let mut uri: AMQPUri = text.parse().map_err(|_| InvalidAmqpUrl)?;
        // The library's own parser knows names only and would silently take `localhost` for an IPv6 address.
        if let Host::Ipv6(address) = host {
            uri.authority.host = address.to_string();
        }
        if uri.vhost.is_empty() {
            uri.vhost = "/".into();
        }
        Ok(Self {
            uri,
            text: text.to_owned(),
        })
    }
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
}
