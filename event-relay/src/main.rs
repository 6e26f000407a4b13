//! A process that is only a relay.

use std::process::ExitCode;

use clap::Parser;
use event_relay::ServeArgs;
use service::EnvironmentArgs;
use service::telemetry::{self, TelemetryArgs};

/// Publishes the event store's log to RabbitMQ.
#[derive(Parser)]
#[command(name = "event-relay", version)]
struct Args {
    #[command(flatten)]
    relay: ServeArgs,
    #[command(flatten)]
    environment: EnvironmentArgs,
    #[command(flatten, next_help_heading = "Logs")]
    telemetry: TelemetryArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args: Args = service::arguments();
    telemetry::init(&args.telemetry, telemetry::DEFAULT_LOG);
    args.environment.environment.check(&args.relay);
    service::exit_code(event_relay::run(args.relay, service::shutdown_on_signal()).await)
}
