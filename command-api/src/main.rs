//! The command API as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use command_api::{CommandApiArgs, run};
use service::telemetry::DEFAULT_LOG;
use service::{ProcessArgs, arguments, exit_code, shutdown_on_signal};

/// Takes commands over HTTP and appends their events to the event store.
#[derive(Debug, Parser)]
#[command(name = "command-api", version)]
struct Args {
    #[command(flatten)]
    process: ProcessArgs<CommandApiArgs>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { process } = arguments();
    exit_code(run(process.begin(DEFAULT_LOG), shutdown_on_signal()).await)
}
