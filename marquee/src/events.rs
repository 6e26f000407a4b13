//! `marquee events ...`: looks into the log.

mod line;
mod pattern;
mod stream;
mod tail;
mod trace;

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use event_store::LogReader;
use service::database::{DatabaseUrl, PoolOptions, pool};
use sqlx::PgPool;

use crate::failure::Failure;
pub(crate) use line::time;

/// Ways into the log.
#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// Shows the last events and follows the log until Ctrl-C
    #[command(after_help = tail::HELP)]
    Tail(tail::TailArgs),
    /// Shows the events of one stream, and the state they make
    ///
    /// The state is made by the same code that decides commands.
    #[command(after_help = stream::HELP)]
    Stream(stream::StreamArgs),
    /// Follows a request: its command, its events, when they were published, and when each projection applied them
    #[command(after_help = trace::HELP)]
    Trace(Box<trace::TraceArgs>),
}

pub(crate) async fn run(command: EventsCommand) -> Result<ExitCode, Failure> {
    match command {
        EventsCommand::Tail(args) => tail::run(args).await,
        EventsCommand::Stream(args) => stream::run(args).await,
        EventsCommand::Trace(args) => trace::run(*args).await,
    }
}

/// One person looks: a connection or two, and time for a database that is busy.
fn log_pool(url: &DatabaseUrl) -> PgPool {
    pool(
        url,
        PoolOptions {
            application_name: "marquee events",
            connections_max: 2,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(20),
        },
    )
}

fn log(url: &DatabaseUrl) -> LogReader {
    LogReader::new(log_pool(url))
}
