//! The command line.

use clap::{Parser, Subcommand};
use service::telemetry::TelemetryArgs;

use crate::migrate::MigrateArgs;
use crate::seed::SeedArgs;
use crate::up::UpArgs;

/// Marquee: an event-sourced cinema platform.
///
/// Without a command it is `marquee up`: it finds or starts PostgreSQL and RabbitMQ, makes its databases, runs all
/// services in one process and loads a small demo set the first time. Nothing needs to be configured for that.
/// The other commands run one service each, as it is done in production.
#[derive(Debug, Parser)]
#[command(
    name = "marquee",
    version,
    args_conflicts_with_subcommands = true,
    max_term_width = 110
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) action: Option<Action>,
    #[command(flatten)]
    pub(crate) up: UpArgs,
    #[command(flatten)]
    pub(crate) telemetry: TelemetryArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Starts everything: servers, databases and all services in one process (the default).
    Up {
        #[command(flatten)]
        args: Box<UpArgs>,
        #[command(flatten)]
        telemetry: TelemetryArgs,
    },
    /// Takes commands over HTTP and appends their events to the event store.
    CommandApi {
        #[command(flatten)]
        args: Box<command_api::CommandApiArgs>,
        #[command(flatten)]
        telemetry: TelemetryArgs,
    },
    /// Publishes the event store's log to RabbitMQ.
    EventRelay {
        #[command(flatten)]
        args: Box<event_relay::ServeArgs>,
        #[command(flatten)]
        telemetry: TelemetryArgs,
    },
    /// Works with the projections.
    #[command(subcommand)]
    Projections(ProjectionsCommand),
    /// Makes the databases and roles of a deployment, and migrates them to this version.
    ///
    /// Safe to repeat, and to run from several processes at once.
    Migrate {
        #[command(flatten)]
        args: Box<MigrateArgs>,
        #[command(flatten)]
        telemetry: TelemetryArgs,
    },
    /// Loads the demo set through the command API: real film titles and cities.
    ///
    /// Safe to repeat: what is there already stays as it is.
    Seed {
        #[command(flatten)]
        args: SeedArgs,
        #[command(flatten)]
        telemetry: TelemetryArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectionsCommand {
    /// Consumes events into read models and answers queries.
    Serve {
        #[command(flatten)]
        args: Box<projections::ServeArgs>,
        #[command(flatten)]
        telemetry: TelemetryArgs,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
