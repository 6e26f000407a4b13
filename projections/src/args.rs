//! Settings of the projections, and which of them to serve.

use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use event_bus::AmqpUrl;
use service::database::DatabaseUrl;

/// A projection of this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Name {
    /// Users and their roles
    Users,
    /// Movies, with full-text search
    Movies,
    /// What each city's cinemas show
    Catalog,
}

impl Name {
    /// All projections.
    pub const ALL: [Self; 3] = [Self::Users, Self::Movies, Self::Catalog];

    /// Gives the name as it is in queues, schemas and routes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Movies => "movies",
            Self::Catalog => "catalog",
        }
    }

    /// Names the role that owns the projection's database and reads the log.
    pub fn role(self) -> &'static str {
        match self {
            Self::Users => "marquee_users",
            Self::Movies => "marquee_movies",
            Self::Catalog => "marquee_catalog",
        }
    }

    /// Names the variable with the url of the projection's database.
    pub fn database_variable(self) -> &'static str {
        match self {
            Self::Users => "MARQUEE_USERS_DATABASE_URL",
            Self::Movies => "MARQUEE_MOVIES_DATABASE_URL",
            Self::Catalog => "MARQUEE_CATALOG_DATABASE_URL",
        }
    }
}

/// Settings of the projections. Only the databases of the projections that are served must be given.
#[derive(Args, Clone, Debug)]
pub struct ProjectionsArgs {
    /// The event store's database, as a projection's role: postgres://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, env = "MARQUEE_EVENT_STORE_URL", value_name = "URL", hide_env_values = true)]
    pub event_store_url: DatabaseUrl,
    /// RabbitMQ: amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps://...?cacertfile=FILE; several nodes: HOST:PORT,HOST:PORT
    #[arg(long, env = "MARQUEE_AMQP_URL", value_name = "URL", hide_env_values = true)]
    pub amqp_url: AmqpUrl,
    /// Database of the projection `users`, as the role `marquee_users`; needed when it is served
    #[arg(long, env = "MARQUEE_USERS_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub users_database_url: Option<DatabaseUrl>,
    /// Database of the projection `movies`, as the role `marquee_movies`; needed when it is served
    #[arg(
        long,
        env = "MARQUEE_MOVIES_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub movies_database_url: Option<DatabaseUrl>,
    /// Database of the projection `catalog`, as the role `marquee_catalog`; needed when it is served
    #[arg(
        long,
        env = "MARQUEE_CATALOG_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub catalog_database_url: Option<DatabaseUrl>,
    /// How the consumers work.
    #[command(flatten, next_help_heading = "Projections")]
    pub consumer: ConsumerArgs,
}

impl ProjectionsArgs {
    /// Gives the url of a projection's own database.
    pub fn database_url(&self, name: Name) -> Option<&DatabaseUrl> {
        match name {
            Name::Users => self.users_database_url.as_ref(),
            Name::Movies => self.movies_database_url.as_ref(),
            Name::Catalog => self.catalog_database_url.as_ref(),
        }
    }
}

const PREFETCH: u16 = 1_000;
const SILENCE_MS: u64 = 3_000;
const BATCH_EVENTS_MAX: u32 = 2_000;
const RETRY_DELAY_MS_MAX: u64 = 5_000;
const ITERATION_MS_MAX: u64 = 60_000;
const QUEUE_PATIENCE_MS: u64 = 30_000;
const PARKED_STREAMS_PER_HOUR_MAX: u32 = 20;

/// How a consumer works.
#[derive(Args, Clone, Debug)]
pub struct ConsumerArgs {
    /// Deliveries a consumer may hold unacknowledged; more than a range has events, which are about 200
    #[arg(
        long = "projection-prefetch",
        env = "MARQUEE_PROJECTION_PREFETCH",
        value_name = "MESSAGES",
        default_value_t = PREFETCH,
        value_parser = clap::value_parser!(u16).range(10..)
    )]
    pub prefetch: u16,
    /// Time without a watermark after which the consumer goes on from the log itself
    #[arg(
        long = "projection-silence-ms",
        env = "MARQUEE_PROJECTION_SILENCE_MS",
        value_name = "MILLISECONDS",
        default_value_t = SILENCE_MS,
        value_parser = clap::value_parser!(u64).range(100..)
    )]
    pub silence_ms: u64,
    /// Events applied in one transaction, and read from the log at once
    #[arg(
        long = "projection-batch-events-max",
        env = "MARQUEE_PROJECTION_BATCH_EVENTS_MAX",
        value_name = "EVENTS",
        default_value_t = BATCH_EVENTS_MAX,
        value_parser = clap::value_parser!(u32).range(1..=100_000)
    )]
    pub batch_events_max: u32,
    /// Longest pause between two attempts at what cannot be done at the moment
    #[arg(
        long = "projection-retry-delay-ms-max",
        env = "MARQUEE_PROJECTION_RETRY_DELAY_MS_MAX",
        value_name = "MILLISECONDS",
        default_value_t = RETRY_DELAY_MS_MAX,
        value_parser = clap::value_parser!(u64).range(100..)
    )]
    pub retry_delay_ms_max: u64,
    /// Longest time an attempt may take before the consumer gives up its connections
    #[arg(
        long = "projection-iteration-ms-max",
        env = "MARQUEE_PROJECTION_ITERATION_MS_MAX",
        value_name = "MILLISECONDS",
        default_value_t = ITERATION_MS_MAX,
        value_parser = clap::value_parser!(u64).range(1_000..)
    )]
    pub iteration_ms_max: u64,
    /// Time for which a queue may have no leader until the consumer deletes it and declares it again; longer than elections
    /// take
    #[arg(
        long = "projection-queue-patience-ms",
        env = "MARQUEE_PROJECTION_QUEUE_PATIENCE_MS",
        value_name = "MILLISECONDS",
        default_value_t = QUEUE_PATIENCE_MS,
        value_parser = clap::value_parser!(u64).range(10_000..)
    )]
    pub queue_patience_ms: u64,
    /// Streams that may be parked within an hour; the consumer holds its place instead of parking more
    #[arg(
        long = "projection-parked-streams-per-hour-max",
        env = "MARQUEE_PROJECTION_PARKED_STREAMS_PER_HOUR_MAX",
        value_name = "STREAMS",
        default_value_t = PARKED_STREAMS_PER_HOUR_MAX
    )]
    pub parked_streams_per_hour_max: u32,
    /// Rebuild a projection at start when this program's version of it is newer than the one that is served
    #[arg(long = "auto-rebuild", env = "MARQUEE_AUTO_REBUILD", value_parser = BoolishValueParser::new())]
    pub auto_rebuild: bool,
}

impl Default for ConsumerArgs {
    fn default() -> Self {
        Self {
            prefetch: PREFETCH,
            silence_ms: SILENCE_MS,
            batch_events_max: BATCH_EVENTS_MAX,
            retry_delay_ms_max: RETRY_DELAY_MS_MAX,
            iteration_ms_max: ITERATION_MS_MAX,
            queue_patience_ms: QUEUE_PATIENCE_MS,
            parked_streams_per_hour_max: PARKED_STREAMS_PER_HOUR_MAX,
            auto_rebuild: false,
        }
    }
}

impl ConsumerArgs {
    /// How long to go without a watermark.
    pub(crate) fn silence(&self) -> Duration {
        Duration::from_millis(self.silence_ms)
    }

    /// Longest pause between two attempts.
    pub(crate) fn retry_delay_max(&self) -> Duration {
        Duration::from_millis(self.retry_delay_ms_max)
    }

    /// How long an attempt may take.
    pub(crate) fn iteration_max(&self) -> Duration {
        Duration::from_millis(self.iteration_ms_max)
    }

    /// How long a queue may be without a leader.
    pub(crate) fn queue_patience(&self) -> Duration {
        Duration::from_millis(self.queue_patience_ms)
    }

    /// Cap on deliveries kept in memory. Acknowledged ones can be among them, so it is above the prefetch.
    pub(crate) fn held_max(&self) -> usize {
        usize::from(self.prefetch) * 2
    }
}
