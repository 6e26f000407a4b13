//! The command line.

use clap::{Parser, Subcommand};
use service::ProcessArgs;
use service::telemetry::TelemetryArgs;

use crate::chaos::{self, ChaosArgs};
use crate::events::EventsCommand;
use crate::import::ImportCommand;
use crate::load::{self, LoadArgs};
use crate::log_command::LogCommand;
use crate::migrate::MigrateArgs;
use crate::parked::{self, ParkedCommand};
use crate::projection::{self, ProjectionCommand};
use crate::ready::{self, ReadyArgs};
use crate::seed::SeedArgs;
use crate::status::{self, StatusArgs};
use crate::up::UpArgs;
use crate::verify::{self, VerifyArgs};

/// What a person needs who sees the program for the first time; the end of a long help stays on the screen.
const FIRST_STEPS: &str = "\
First steps:
  marquee                         Start everything; Ctrl-C stops it, the data stays
  http://127.0.0.1:3000/docs      Browse the API and try it
  marquee status                  See what runs, and whether all is well
  docs/operations.md              Settings, health, metrics, what to do when something is wrong";

/// Marquee: an event-sourced cinema platform
///
/// Without a command it is `marquee up`: it finds or starts PostgreSQL and RabbitMQ, makes its databases, runs all
/// services in one process and loads a small demo set the first time. Nothing needs to be configured for that.
///
/// In production each service is a process of its own: `command-api`, `event-relay` and `projections serve`, on
/// databases made by `migrate`. Every setting is a flag and a variable; the flag wins.
#[derive(Debug, Parser)]
#[command(
    name = "marquee",
    version,
    args_conflicts_with_subcommands = true,
    max_term_width = 110,
    after_help = FIRST_STEPS
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) action: Option<Action>,
    #[command(flatten)]
    pub(crate) up: ProcessArgs<UpArgs>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Starts everything: servers, databases and all services in one process (the default)
    ///
    /// PostgreSQL and RabbitMQ come from the first way that works: the given urls, programs on this machine (run as
    /// private servers on free ports), a Docker engine, an announced installation of Debian's packages. Ctrl-C stops
    /// what was started; the data stays.
    Up(ProcessArgs<UpArgs>),
    /// Takes commands over HTTP and appends their events to the event store
    CommandApi(ProcessArgs<command_api::CommandApiArgs>),
    /// Publishes the event store's log to RabbitMQ
    ///
    /// Of several processes one publishes and the others stand by.
    EventRelay(ProcessArgs<event_relay::ServeArgs>),
    /// Shows everything that runs on one screen: services, log, relay, projections, queues
    #[command(after_help = status::HELP)]
    Status(StatusArgs),
    /// Works with the projections, which build the read models: serve, list, rebuild, roll back
    #[command(subcommand, after_help = projection::HELP)]
    Projections(ProjectionsCommand),
    /// Works with events that could not be applied: list, retry, discard
    #[command(subcommand, after_help = parked::HELP)]
    Parked(ParkedCommand),
    /// Looks into the log: tail, stream, trace
    #[command(subcommand)]
    Events(EventsCommand),
    /// Takes in what others have: lists of movies
    #[command(subcommand)]
    Import(ImportCommand),
    /// Sends a steady stream of commands, and shows how they fare
    #[command(after_help = load::HELP)]
    Load(LoadArgs),
    /// Audits everything at rest: the log, the relay, every projection
    #[command(after_help = verify::HELP)]
    Verify(Box<VerifyArgs>),
    /// Breaks every part while traffic runs, then proves what survived
    #[command(after_help = chaos::HELP)]
    Chaos(ChaosArgs),
    /// Works on the log as a whole: adopt a restored one
    #[command(subcommand)]
    Log(LogCommand),
    /// Tells by its exit code whether the process at an address is ready: for health checks
    #[command(after_help = ready::HELP)]
    Ready(ReadyArgs),
    /// Makes the databases and roles of a deployment, and migrates them to this version
    ///
    /// With the url of RabbitMQ's management also the vhost and its users, with the permissions they need.
    ///
    /// Safe to repeat, and to run from several processes at once.
    Migrate(ProcessArgs<MigrateArgs>),
    /// Loads the demo set through the command API: real film titles and cities
    ///
    /// Safe to repeat: what is there already stays as it is.
    Seed {
        #[command(flatten)]
        args: SeedArgs,
        #[command(flatten, next_help_heading = "Logs")]
        telemetry: TelemetryArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectionsCommand {
    /// Consumes events into read models and answers queries over HTTP
    ///
    /// A projection needs the url of its own database; those that are not served need none.
    Serve(ProcessArgs<projections::ServeArgs>),
    #[command(flatten)]
    Operate(ProjectionCommand),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
