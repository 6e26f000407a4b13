//! The command API as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use command_api::{CommandApiArgs, run};
use service::telemetry::{self, TelemetryArgs};
use service::{EnvironmentArgs, arguments, exit_code, shutdown_on_signal};

/// Takes commands over HTTP and appends their events to the event store.
#[derive(Debug, Parser)]
#[command(name = "command-api", version)]
struct Args {
    #[command(flatten)]
    command_api: CommandApiArgs,
    #[command(flatten)]
    environment: EnvironmentArgs,
    #[command(flatten, next_help_heading = "Logs")]
    telemetry: TelemetryArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args: Args = arguments();
    telemetry::init(&args.telemetry, telemetry::DEFAULT_LOG);
    args.environment.environment.check(&args.command_api);
    exit_code(run(args.command_api, shutdown_on_signal()).await)
}
