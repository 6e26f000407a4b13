//! Names of the relay's metrics.

/// Counter: events handed to the broker, again after a failure included.
pub const PUBLISHED: &str = "marquee_relay_published_total";
/// Counter: events the broker confirmed.
pub const CONFIRMED: &str = "marquee_relay_confirmed_total";
/// Counter: messages the broker refused.
pub const NACKED: &str = "marquee_relay_nacked_total";
/// Counter: watermarks that closed a range with events.
pub const RANGES_CLOSED: &str = "marquee_relay_ranges_closed_total";
/// Counter: terms that ended in a failure and were followed by another attempt.
pub const RECONNECTS: &str = "marquee_relay_reconnects_total";
/// Gauge: the confirmed position.
pub const POSITION: &str = "marquee_relay_position";
/// Gauge: events of the log behind the confirmed position.
pub const LAG: &str = "marquee_relay_lag_events";
/// Gauge: 1 while this relay is the leader.
pub const LEADER: &str = "marquee_relay_leader";
/// Gauge: 1 while the broker blocks publishing.
pub const BLOCKED: &str = "marquee_relay_blocked";
/// Gauge, to be alarmed on: 1 while the relay has stopped for a reason that time does not heal.
pub const HALTED: &str = "marquee_relay_halted";
