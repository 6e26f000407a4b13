//! The binary people run: all services in one process, and the operator's command line.

mod api;
mod banner;
mod broker;
mod chaos;
mod cli;
mod confirm;
mod databases;
mod demo;
mod deployment;
mod events;
mod failure;
mod load;
mod log_command;
mod migrate;
mod parked;
mod passwords;
mod progress;
mod projection;
mod provision;
mod ready;
mod seed;
mod status;
mod table;
mod terminal;
mod up;
mod verify;

use std::future::Future;
use std::process::ExitCode;

use service::telemetry::{self, DEFAULT_LOG, TelemetryArgs};
use service::{BoxError, shutdown_on_signal};

use cli::{Action, Cli, ProjectionsCommand};
use failure::Failure;

/// What `marquee up` logs when nothing is said: its terminal is for the greeting.
const QUIET_LOG: &str = "warn";

/// Does what the arguments of this process say, to its end.
#[tokio::main]
pub async fn main() -> ExitCode {
    let Cli { action, up, telemetry } = service::arguments();
    match action.unwrap_or(Action::Up {
        args: Box::new(up),
        telemetry,
    }) {
        Action::Up { args, telemetry } => run(&telemetry, QUIET_LOG, up::run(*args, shutdown_on_signal())).await,
        Action::CommandApi { args, telemetry } => {
            run(&telemetry, DEFAULT_LOG, command_api::run(*args, shutdown_on_signal())).await
        }
        Action::EventRelay { args, telemetry } => {
            run(&telemetry, DEFAULT_LOG, event_relay::run(*args, shutdown_on_signal())).await
        }
        Action::Projections(ProjectionsCommand::Serve { args, telemetry }) => {
            run(
                &telemetry,
                DEFAULT_LOG,
                projections::run(args.checked(), shutdown_on_signal()),
            )
            .await
        }
        Action::Projections(ProjectionsCommand::Operate(command)) => answer(projection::run(command).await),
        Action::Parked(command) => answer(parked::run(command).await),
        Action::Ready(args) => answer(ready::run(args).await),
        Action::Status(args) => answer(status::run(args).await),
        Action::Events(command) => answer(events::run(command).await),
        Action::Load(args) => answer(load::run(args).await),
        Action::Chaos(args) => answer(chaos::run(args).await),
        Action::Verify(args) => answer(verify::run(*args).await),
        Action::Log(command) => answer(log_command::run(command).await),
        Action::Migrate { args, telemetry } => run(&telemetry, DEFAULT_LOG, migrate::run(*args)).await,
        Action::Seed { args, telemetry } => run(&telemetry, DEFAULT_LOG, seed::run(args)).await,
    }
}

/// Ends a command of the operator's: its answer is written, its failure is told here.
fn answer(answered: Result<ExitCode, Failure>) -> ExitCode {
    answered.unwrap_or_else(|failure| failure.report())
}

/// Runs a command to its end; what went wrong is said in one line, with all its causes.
async fn run<E: Into<BoxError>>(
    telemetry: &TelemetryArgs,
    default_log: &str,
    command: impl Future<Output = Result<(), E>>,
) -> ExitCode {
    telemetry::init(telemetry, default_log);
    service::exit_code(command.await.map_err(Into::into))
}
