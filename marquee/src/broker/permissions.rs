//! What each service's user may do on the broker: three patterns of names, as RabbitMQ has them.

use std::collections::BTreeSet;

use event_bus::{ENTITY_EXCHANGES, UNROUTED_EXCHANGE, WATERMARK_EXCHANGE};
use projections::Name;
use serde::Serialize;

use crate::provision::EVENT_RELAY;

/// A pattern of exchanges and queues for each of RabbitMQ's rights: configure is to declare and to delete, write to
/// publish to and to bind a queue, read to consume from and to bind to an exchange.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Permissions {
    configure: String,
    write: String,
    read: String,
}

impl Permissions {
    /// Everything in a vhost.
    pub(super) fn all() -> Self {
        let all = || ".*".to_owned();
        Self {
            configure: all(),
            write: all(),
            read: all(),
        }
    }
}

/// The users, named as the services' database roles, with what they may do.
pub(super) fn of_each_service() -> Vec<(&'static str, Permissions)> {
    let projections = Name::ALL.map(|name| (name.role(), of_projection(name)));
    std::iter::once((EVENT_RELAY, of_relay())).chain(projections).collect()
}

/// It declares the exchanges and publishes to them. The queue `unrouted` it declares and binds, which takes the right to
/// read the exchange of that name.
fn of_relay() -> Permissions {
    let exchanges = ENTITY_EXCHANGES
        .into_iter()
        .chain([WATERMARK_EXCHANGE, UNROUTED_EXCHANGE]);
    let own = any_of(exchanges.map(str::to_owned));
    Permissions {
        configure: own.clone(),
        write: own,
        read: any_of([UNROUTED_EXCHANGE.to_owned()]),
    }
}

/// It declares, binds and consumes its own queue, of any version, and reads the exchanges it binds it to.
fn of_projection(name: Name) -> Permissions {
    let queue = format!(r"{}\.v[0-9]+", name.as_str());
    let projection = name.projection();
    let mut exchanges: BTreeSet<&str> = projection.bindings().iter().map(|binding| binding.exchange).collect();
    exchanges.insert(WATERMARK_EXCHANGE);
    let read = std::iter::once(queue.clone()).chain(exchanges.into_iter().map(str::to_owned));
    Permissions {
        configure: any_of([queue.clone()]),
        write: any_of([queue.clone()]),
        read: any_of(read),
    }
}

/// Of the whole name: RabbitMQ's patterns match a part of it otherwise.
fn any_of(names: impl IntoIterator<Item = String>) -> String {
    format!("^({})$", names.into_iter().collect::<Vec<_>>().join("|"))
}

#[cfg(test)]
mod tests {
    use projections::Name;

    use super::{of_projection, of_relay};

    #[test]
    fn the_relay_owns_the_exchanges_and_reads_only_what_nobody_asked_for() {
        let relay = of_relay();
        assert_eq!(relay.configure, "^(user|movie|cinema|watermark|unrouted)$");
        assert_eq!(relay.write, relay.configure);
        assert_eq!(relay.read, "^(unrouted)$");
    }

    #[test]
    fn a_projection_owns_its_queue_and_reads_the_exchanges_it_is_bound_to() {
        let users = of_projection(Name::Users);
        assert_eq!(users.configure, r"^(users\.v[0-9]+)$");
        assert_eq!(users.write, users.configure);
        assert_eq!(users.read, r"^(users\.v[0-9]+|user|watermark)$");
        let catalog = of_projection(Name::Catalog).read;
        assert_eq!(catalog, r"^(catalog\.v[0-9]+|cinema|movie|watermark)$");
    }
}
