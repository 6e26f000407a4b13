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
mod import;
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

use std::process::ExitCode;

use service::telemetry::{self, DEFAULT_LOG};
use service::{exit_code, shutdown_on_signal};

use cli::{Action, Cli, ProjectionsCommand};
use failure::Failure;

/// What `marquee up` logs when nothing is said: its terminal is for the greeting.
const QUIET_LOG: &str = "warn";

/// Does what the arguments of this process say, to its end.
#[tokio::main]
pub async fn main() -> ExitCode {
    let Cli { action, up } = service::arguments();
    match action.unwrap_or(Action::Up(up)) {
        Action::Up(process) => exit_code(up::run(process.begin(QUIET_LOG), shutdown_on_signal()).await),
        Action::CommandApi(process) => {
            exit_code(command_api::run(process.begin(DEFAULT_LOG), shutdown_on_signal()).await)
        }
        Action::EventRelay(process) => {
            exit_code(event_relay::run(process.begin(DEFAULT_LOG), shutdown_on_signal()).await)
        }
        Action::Projections(ProjectionsCommand::Serve(process)) => {
            exit_code(projections::run(process.begin(DEFAULT_LOG).checked(), shutdown_on_signal()).await)
        }
        Action::Migrate(process) => exit_code(migrate::run(process.begin(DEFAULT_LOG)).await),
        Action::Seed { args, telemetry } => {
            telemetry::init(&telemetry, DEFAULT_LOG);
            exit_code(seed::run(args).await)
        }
        Action::Projections(ProjectionsCommand::Operate(command)) => answer(projection::run(command).await),
        Action::Parked(command) => answer(parked::run(command).await),
        Action::Ready(args) => answer(ready::run(args).await),
        Action::Status(args) => answer(status::run(args).await),
        Action::Events(command) => answer(events::run(command).await),
        Action::Import(command) => answer(import::run(command).await),
        Action::Load(args) => answer(load::run(args).await),
        Action::Chaos(args) => answer(chaos::run(args).await),
        Action::Verify(args) => answer(verify::run(*args).await),
        Action::Log(command) => answer(log_command::run(command).await),
    }
}

/// Ends a command of the operator's: its answer is written, its failure is told here.
fn answer(answered: Result<ExitCode, Failure>) -> ExitCode {
    answered.unwrap_or_else(|failure| failure.report())
}
