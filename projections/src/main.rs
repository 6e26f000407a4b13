//! The projections as a process of their own: all of them, or those that are named.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use projections::{ServeArgs, run};
use service::telemetry::DEFAULT_LOG;
use service::{ProcessArgs, arguments, exit_code, shutdown_on_signal};

/// The projections: RabbitMQ in, read models and their queries out
#[derive(Debug, Parser)]
#[command(name = "projections", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Consumes events into read models and answers queries over HTTP
    Serve(ProcessArgs<ServeArgs>),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args {
        command: Command::Serve(process),
    } = arguments();
    exit_code(run(process.begin(DEFAULT_LOG).checked(), shutdown_on_signal()).await)
}
