//! The command API as a process of its own.

use clap::Parser;
use command_api::{CommandApiArgs, RunError, run};
use service::telemetry::{self, TelemetryArgs};
use service::{arguments, shutdown_on_signal};

/// Takes commands over HTTP and appends their events to the event store.
#[derive(Debug, Parser)]
#[command(name = "command-api", version)]
struct Args {
    #[command(flatten)]
    command_api: CommandApiArgs,
    #[command(flatten)]
    telemetry: TelemetryArgs,
}

#[tokio::main]
async fn main() -> Result<(), RunError> {
    let args: Args = arguments();
    telemetry::init(&args.telemetry);
    run(args.command_api, shutdown_on_signal()).await.inspect_err(|error| {
        tracing::error!(error = error as &dyn std::error::Error, "the command API ends");
    })
}
