//! Names of the metrics and labels of the bus.

/// Counter: connections opened to the broker, by [`CONNECTION`]; more than one per start is a reconnect.
pub const CONNECTIONS_OPENED: &str = "marquee_bus_connections_opened_total";
/// Gauge: 1 while the broker refuses to read from a publishing connection (memory or disk alarm), by [`CONNECTION`].
pub const BLOCKED: &str = "marquee_bus_blocked";
/// Counter: deliveries received, by [`QUEUE`].
pub const DELIVERIES: &str = "marquee_bus_deliveries_total";
/// Counter: deliveries that are not ours or cannot be read, by [`QUEUE`].
pub const FOREIGN: &str = "marquee_bus_foreign_messages_total";

/// Label: the name of a connection.
pub const CONNECTION: &str = "connection";
/// Label: the name of a queue.
pub const QUEUE: &str = "queue";
