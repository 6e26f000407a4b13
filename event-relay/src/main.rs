//! A process that is only a relay.

use std::process::ExitCode;

use clap::Parser;
use event_relay::{ServeArgs, run};
use service::telemetry::DEFAULT_LOG;
use service::{ProcessArgs, arguments, exit_code, shutdown_on_signal};

/// Publishes the event store's log to RabbitMQ.
#[derive(Debug, Parser)]
#[command(name = "event-relay", version)]
struct Args {
    #[command(flatten)]
    process: ProcessArgs<ServeArgs>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { process } = arguments();
    exit_code(run(process.begin(DEFAULT_LOG), shutdown_on_signal()).await)
}
