//! The projections as a process of their own: all of them, or those that are named.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use projections::ServeArgs;
use service::EnvironmentArgs;
use service::telemetry::{self, TelemetryArgs};

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
    Serve {
        #[command(flatten)]
        args: Box<ServeArgs>,
        #[command(flatten)]
        environment: EnvironmentArgs,
        #[command(flatten, next_help_heading = "Logs")]
        telemetry: TelemetryArgs,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args {
        command: Command::Serve {
            args,
            environment,
            telemetry,
        },
    } = service::arguments();
    telemetry::init(&telemetry, telemetry::DEFAULT_LOG);
    let args = args.checked();
    environment.environment.check(&args);
    service::exit_code(projections::run(args, service::shutdown_on_signal()).await)
}
