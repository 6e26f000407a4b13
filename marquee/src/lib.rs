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

use std::process::ExitCode;

use service::telemetry::{self, DEFAULT_LOG, TelemetryArgs};
use service::{EnvironmentArgs, HoldsSecrets, exit_code, shutdown_on_signal};

use cli::{Action, Cli, ProjectionsCommand};
use failure::Failure;

/// What `marquee up` logs when nothing is said: its terminal is for the greeting.
const QUIET_LOG: &str = "warn";

/// Does what the arguments of this process say, to its end.
#[tokio::main]
pub async fn main() -> ExitCode {
    let Cli {
        action,
        up,
        environment,
        telemetry,
    } = service::arguments();
    match action.unwrap_or(Action::Up {
        args: Box::new(up),
        environment,
        telemetry,
    }) {
        Action::Up {
            args,
            environment,
            telemetry,
        } => {
            begin(&telemetry, QUIET_LOG, environment, &*args);
            exit_code(up::run(*args, shutdown_on_signal()).await)
        }
        Action::CommandApi {
            args,
            environment,
            telemetry,
        } => {
            begin(&telemetry, DEFAULT_LOG, environment, &*args);
            exit_code(command_api::run(*args, shutdown_on_signal()).await)
        }
        Action::EventRelay {
            args,
            environment,
            telemetry,
        } => {
            begin(&telemetry, DEFAULT_LOG, environment, &*args);
            exit_code(event_relay::run(*args, shutdown_on_signal()).await)
        }
        Action::Projections(ProjectionsCommand::Serve {
            args,
            environment,
            telemetry,
        }) => {
            let args = args.checked();
            begin(&telemetry, DEFAULT_LOG, environment, &args);
            exit_code(projections::run(args, shutdown_on_signal()).await)
        }
        Action::Migrate {
            args,
            environment,
            telemetry,
        } => {
            begin(&telemetry, DEFAULT_LOG, environment, &*args);
            exit_code(migrate::run(*args).await)
        }
        Action::Seed { args, telemetry } => {
            telemetry::init(&telemetry, DEFAULT_LOG);
            exit_code(seed::run(args).await)
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
    }
}

/// Ends a command of the operator's: its answer is written, its failure is told here.
fn answer(answered: Result<ExitCode, Failure>) -> ExitCode {
    answered.unwrap_or_else(|failure| failure.report())
}

/// Sets up the logs, and looks at what the command is given before it does anything.
fn begin(
    telemetry: &TelemetryArgs,
    default_log: &str,
    EnvironmentArgs { environment }: EnvironmentArgs,
    settings: &impl HoldsSecrets,
) {
    telemetry::init(telemetry, default_log);
    environment.check(settings);
}
