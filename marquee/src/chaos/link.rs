//! The link between a service and its server, or those that stand in for each other: a way to each address.

use std::io;

use dev_stack::{CutProxy, Direction};

/// Breaks like one link, wherever the service goes.
pub(crate) struct Link(Vec<CutProxy>);

impl Link {
    /// Lays one to the addresses of a url, `host:port` each; gives the url by way of it.
    ///
    /// # Errors
    /// The url has no address, or no port can be listened on.
    pub(crate) async fn to(url: &str) -> io::Result<(Self, String)> {
        let addresses = addresses(url);
        if addresses.is_empty() {
            return Err(io::Error::other("the url names no address"));
        }
        let mut ways = Vec::new();
        for address in addresses.split(',') {
            ways.push(CutProxy::to(address).await?);
        }
        let link = Self(ways);
        let by_it = link.instead_of(addresses, url);
        Ok((link, by_it))
    }

    /// Another url with the same addresses, by way of it.
    pub(crate) fn by_it(&self, url: &str) -> String {
        self.instead_of(addresses(url), url)
    }

    fn instead_of(&self, addresses: &str, url: &str) -> String {
        let own: Vec<String> = self.0.iter().map(|way| way.address().to_string()).collect();
        url.replacen(addresses, &own.join(","), 1)
    }

    /// Closes all connections now; new ones are welcome.
    pub(crate) fn cut(&self) {
        self.0.iter().for_each(CutProxy::cut);
    }

    /// Stops forwarding in both directions, or goes on; connections stay open.
    pub(crate) fn freeze(&self, freeze: bool) {
        for way in &self.0 {
            way.freeze(freeze);
        }
    }

    /// Stops forwarding in one direction, or goes on.
    pub(crate) fn freeze_direction(&self, direction: Direction, freeze: bool) {
        for way in &self.0 {
            way.freeze_direction(direction, freeze);
        }
    }

    /// Counts the bytes forwarded so far in this direction.
    pub(crate) fn forwarded_bytes(&self, direction: Direction) -> u64 {
        self.0.iter().map(|way| way.forwarded_bytes(direction)).sum()
    }
}

/// The url with only the first of its addresses.
pub(crate) fn with_first_address(url: &str) -> String {
    let addresses = addresses(url);
    let first = addresses.split(',').next().unwrap_or_default();
    url.replacen(addresses, first, 1)
}

/// What stands between the user and the path of a url.
fn addresses(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split('/').next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stand_behind_the_user() {
        assert_eq!(addresses("amqp://u:p%40@a:1,b:2/%2f?x=@"), "a:1,b:2");
        assert_eq!(addresses("postgres://a:1/data"), "a:1");
        assert_eq!(with_first_address("amqp://u:p@a:1,b:2/%2f"), "amqp://u:p@a:1/%2f");
    }

    #[tokio::test]
    async fn each_address_has_a_way_of_its_own_and_every_url_goes_by_them() {
        let (link, url) = Link::to("postgres://u@127.0.0.1:1,127.0.0.1:2/a").await.unwrap();
        let ways: Vec<String> = link.0.iter().map(|way| way.address().to_string()).collect();
        assert_eq!(url, format!("postgres://u@{}/a", ways.join(",")));
        let other = link.by_it("postgres://v:w@127.0.0.1:1,127.0.0.1:2/b");
        assert_eq!(other, format!("postgres://v:w@{}/b", ways.join(",")));
        assert!(Link::to("postgres:///a").await.is_err());
    }
}
