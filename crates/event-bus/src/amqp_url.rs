//! Where the broker is: an AMQP URL, of one node or of several, that never shows its password.

use std::fmt;
use std::str::FromStr;

use lapin::uri::AMQPUri;
use url::{Host, Url};

/// Address of a broker: `amqp://user:password@host:port/vhost` (`amqps` for TLS).
///
/// The nodes of a cluster stand side by side, with commas: `amqp://user:password@a:5672,b:5672,c:5672/vhost`. User,
/// password, vhost and query are the same for all of them.
///
/// The vhost is percent-encoded (`%2f` is `/`); none, or an empty one, means `/`. `Debug` and `Display` leave the
/// password out.
#[derive(Clone, PartialEq, Eq)]
pub struct AmqpUrl {
    /// One for each node, at least one.
    uris: Vec<AMQPUri>,
    text: String,
}

/// The text is not the address of a broker. Says nothing of the text itself: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not of the form amqp://USER:PASSWORD@HOST:PORT[,HOST:PORT...]/VHOST")]
pub struct InvalidAmqpUrl;

impl AmqpUrl {
    pub(crate) fn uris(&self) -> &[AMQPUri] {
        &self.uris
    }

    /// The whole address, password included, for handing it to another process. Never log it.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl FromStr for AmqpUrl {
    type Err = InvalidAmqpUrl;

    fn from_str(text: &str) -> Result<Self, InvalidAmqpUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidAmqpUrl)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        // A comma in a password separates nothing.
        let (login, nodes) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        let uris = nodes
            .split(',')
            .map(|node| of_one_node(&format!("{scheme}://{login}{node}{path}")));
        Ok(Self {
            uris: uris.collect::<Result<_, _>>()?,
            text: text.to_owned(),
        })
    }
}

fn of_one_node(text: &str) -> Result<AMQPUri, InvalidAmqpUrl> {
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
}
