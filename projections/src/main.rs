//! The projections as a process of their own: all of them, or those that are named.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use projections::{Name, ProjectionsArgs};
use service::telemetry::{self, TelemetryArgs};
use tokio::net::TcpListener;

/// `EX_USAGE` of sysexits.h.
const EXIT_USAGE: u8 = 64;

/// Independent projections: RabbitMQ in, read models and their queries out.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Consumes and answers queries.
    Serve(Box<Serve>),
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// Which projections; all of them when none is named.
    #[arg(value_name = "NAME")]
    names: Vec<Name>,
    /// Address to listen on.
    #[arg(long, env = "MARQUEE_LISTEN", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    #[command(flatten)]
    projections: ProjectionsArgs,
    #[command(flatten)]
    telemetry: TelemetryArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Command::Serve(args) = service::arguments::<Args>().command;
    telemetry::init(&args.telemetry);
    match serve(*args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, error)) => {
            tracing::error!(error = &*error, "the projections ended");
            code
        }
    }
}

async fn serve(args: Serve) -> Result<(), (ExitCode, Box<dyn std::error::Error>)> {
    let mut names = if args.names.is_empty() {
        Name::ALL.to_vec()
    } else {
        args.names
    };
    names.sort();
    names.dedup();
    let service = projections::service(args.projections, &names)
        .await
        .map_err(|error| (ExitCode::from(EXIT_USAGE), error.into()))?;
    let failed = |error| (ExitCode::FAILURE, error);
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| failed(format!("cannot listen on {} (MARQUEE_LISTEN): {error}", args.listen).into()))?;
    let shutdown = service::shutdown_on_signal();
    service::serve(listener, vec![service], shutdown)
        .await
        .map_err(|error| failed(error.into()))
}
