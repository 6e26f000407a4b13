//! What can be set, with its defaults.

use std::net::SocketAddr;

use service::database::DatabaseUrl;
use service::{HoldsSecrets, Review, Secret};

/// The settings of the command API.
#[derive(Clone, Debug, clap::Args)]
pub struct CommandApiArgs {
    /// Where commands, health and metrics are served
    #[arg(
        long,
        env = "MARQUEE_LISTEN",
        default_value = "127.0.0.1:3000",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,
    /// The event store's database, as the role `marquee_command_api`: postgres://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, env = "MARQUEE_EVENT_STORE_URL", hide_env_values = true, value_name = "URL")]
    pub event_store_url: DatabaseUrl,
    /// The rest, which has defaults.
    #[command(flatten, next_help_heading = "Command API")]
    pub tuning: CommandApiTuning,
}

/// The settings of the command API that hold wherever it runs.
#[derive(Clone, Debug, clap::Args)]
pub struct CommandApiTuning {
    /// Database connections for loading aggregates; the writer has one more
    #[arg(long, env = "MARQUEE_COMMAND_CONNECTIONS", default_value_t = 5, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub command_connections: u32,
    /// Commands that may wait for the writer; one more is answered with 503 and Retry-After
    #[arg(long, env = "MARQUEE_WRITER_QUEUE", default_value_t = 4096, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub writer_queue: u32,
    /// Longest time an append may take, resubmissions included; then the answer is 503 OUTCOME_UNKNOWN
    #[arg(long, env = "MARQUEE_APPEND_TIMEOUT_MS", default_value_t = 10_000, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(100..=60_000))]
    pub append_timeout_ms: u64,
    /// Keys the stored hashes of requests that carry an Idempotency-Key; needed in production
    ///
    /// With it, the hashes tell nothing about the requests to who reads the database. It must be the same for all
    /// processes of a deployment. Without it they are plain hashes.
    #[arg(
        long,
        env = "MARQUEE_IDEMPOTENCY_SECRET",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub idempotency_secret: Secret,
    /// How long an Idempotency-Key is remembered
    #[arg(long, env = "MARQUEE_IDEMPOTENCY_HOURS", default_value_t = 72, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=8_760))]
    pub idempotency_hours: u32,
}

impl HoldsSecrets for CommandApiArgs {
    fn show_secrets(&self, review: &mut Review) {
        review.database("--event-store-url", &self.event_store_url);
        self.tuning.show_secrets(review);
    }
}

impl HoldsSecrets for CommandApiTuning {
    fn show_secrets(&self, review: &mut Review) {
        review.secret("--idempotency-secret", self.idempotency_secret.expose());
    }
}

impl CommandApiArgs {
    /// The defaults, for an event store.
    pub fn new(event_store_url: DatabaseUrl) -> Self {
        Self {
            event_store_url,
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            tuning: CommandApiTuning::default(),
        }
    }
}

impl Default for CommandApiTuning {
    fn default() -> Self {
        Self {
            command_connections: 5,
            writer_queue: 4096,
            append_timeout_ms: 10_000,
            idempotency_secret: Secret::default(),
            idempotency_hours: 72,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::CommandApiArgs;

    #[derive(Parser)]
    struct Args {
        #[command(flatten)]
        command_api: CommandApiArgs,
    }

    #[test]
    fn the_defaults_of_the_command_line_are_the_defaults() {
        let url = "postgres://localhost/event_store";
        let parsed = Args::parse_from(["command-api", "--event-store-url", url]).command_api;
        assert_eq!(
            format!("{parsed:?}"),
            format!("{:?}", CommandApiArgs::new(url.parse().unwrap()))
        );
    }
}
