//! What the relay is told, and the bounds it keeps.

use std::time::Duration;

use event_bus::{AmqpUrl, ManagementUrl};
use service::database::DatabaseUrl;
use service::{HoldsSecrets, Review};

/// Settings of the relay.
#[derive(Clone, Debug, clap::Args)]
pub struct RelayArgs {
    /// The event store's database, as the role `marquee_event_relay`: postgres://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, env = "MARQUEE_EVENT_STORE_URL", value_name = "URL", hide_env_values = true)]
    pub event_store_url: DatabaseUrl,
    /// RabbitMQ: amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps://...?cacertfile=FILE; several nodes: HOST:PORT,HOST:PORT
    #[arg(long, env = "MARQUEE_AMQP_URL", value_name = "URL", hide_env_values = true)]
    pub amqp_url: AmqpUrl,
    /// RabbitMQ's management, as a user that may look (tag `monitoring`): http://USER:PASSWORD@HOST:PORT. With it the relay names
    /// the queue that refuses what it publishes
    #[arg(long, env = "MARQUEE_MANAGEMENT_URL", value_name = "URL", hide_env_values = true)]
    pub management_url: Option<ManagementUrl>,
    /// How it works.
    #[command(flatten, next_help_heading = "Relay")]
    pub tuning: RelayTuning,
}

impl HoldsSecrets for RelayArgs {
    fn show_secrets(&self, review: &mut Review) {
        review.database("--event-store-url", &self.event_store_url);
        let broker = &self.amqp_url;
        review.broker("--amqp-url", broker, broker.credentials(), broker.is_exposed());
        if let Some(url) = &self.management_url {
            let (user, password) = url.credentials();
            let is_exposed = !url.bare().host_str().is_some_and(service::is_loopback);
            review.management("--management-url", url, (&user, &password), is_exposed);
        }
    }
}

/// How the relay works.
#[derive(Clone, Debug, clap::Args)]
pub struct RelayTuning {
    /// Messages that may be on their way to the broker without its confirm
    #[arg(
        long, env = "MARQUEE_RELAY_WINDOW", value_name = "MESSAGES", default_value_t = 500,
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    pub relay_window: u32,
}

impl Default for RelayTuning {
    fn default() -> Self {
        Self { relay_window: 500 }
    }
}

/// The bounds of the relay's loop; every wait and every batch has one.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// Messages on their way without a confirm.
    pub window: usize,
    /// How long a lease holds without being renewed; a fifth of it is kept as a margin.
    pub lease_ttl: Duration,
    /// How often a standby asks for the lease.
    pub standby_poll: Duration,
    /// Events after which a range is closed in any case.
    pub range_events_max: usize,
    /// Time after which a range is closed in any case. Where the log has no more it is closed at once, unless the
    /// watermark before is still on its way: a busy broker gets fewer and larger ranges by itself.
    pub range_age_max: Duration,
    /// How often an idle relay publishes an empty watermark.
    pub sign_of_life: Duration,
    /// The shortest time between two writes of the checkpoint.
    pub checkpoint_pause: Duration,
    /// How long the broker may confirm nothing although something is on its way and it blocks nothing.
    pub confirm_timeout: Duration,
    /// The shortest and the longest time between two reads of a log that had nothing new.
    pub poll: (Duration, Duration),
    /// The longest first pause and the longest pause of all after a failure.
    pub back_off: (Duration, Duration),
    /// The pause after a failure that time does not heal.
    pub halt_pause: Duration,
    /// How long a relay that stops waits for what is on its way.
    pub drain_timeout: Duration,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            window: 500,
            lease_ttl: Duration::from_millis(1500),
            standby_poll: Duration::from_millis(250),
            range_events_max: 200,
            range_age_max: Duration::from_millis(5),
            sign_of_life: Duration::from_millis(800),
            checkpoint_pause: Duration::from_millis(20),
            confirm_timeout: Duration::from_secs(10),
            poll: (Duration::from_millis(5), Duration::from_millis(250)),
            back_off: (Duration::from_millis(100), Duration::from_secs(5)),
            halt_pause: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::RelayConfig;

    #[test]
    fn while_it_can_publish_it_gives_a_sign_of_life_at_least_once_a_second_as_the_message_contract_says() {
        let page = include_str!("../../docs/message-contract.md");
        assert!(page.contains("there is one at least once a second"));
        assert!(RelayConfig::default().sign_of_life < Duration::from_secs(1));
    }

    #[test]
    fn a_standby_leads_within_two_seconds_of_the_death_of_a_leader_that_could_say_nothing() {
        let RelayConfig {
            lease_ttl,
            standby_poll,
            ..
        } = RelayConfig::default();
        // At worst the lease was renewed right before, and the standby asked right before it expired.
        assert!(lease_ttl + standby_poll < Duration::from_secs(2));
    }
}
