//! `marquee events trace`: what a request led to, from its command to the read models.

mod found;
mod screen;

use std::process::ExitCode;

use clap::Args;

use crate::databases::DatabaseArgs;
use crate::failure::Failure;
use crate::terminal::print;
use found::Trace;

pub(crate) const HELP: &str = "\
The id is the Request-Id of the answer; it stands in the logs as request_id, and is the event's correlation_id.
When events were published and applied is remembered for the last few ten thousand checkpoints.

Examples:
  marquee events trace 01a206d1-f104-71d5-957c-0a86eca66e29
  marquee events trace checkout-17 --json";

/// Settings of `marquee events trace`.
#[derive(Args, Clone, Debug)]
pub(crate) struct TraceArgs {
    /// The request's id
    #[arg(value_name = "REQUEST_ID")]
    request_id: String,
    #[command(flatten)]
    databases: DatabaseArgs,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: TraceArgs) -> Result<ExitCode, Failure> {
    let databases = args.databases.databases().await?;
    let Some(trace) = Trace::follow(&databases, &args.request_id).await? else {
        return Err(Failure::from(format!(
            "no event belongs to the request {}: its command was refused or changed nothing, or it was no command",
            args.request_id
        )));
    };
    print(&if args.json {
        serde_json::to_string(&trace)?
    } else {
        screen::screen(&trace)
    })?;
    Ok(ExitCode::SUCCESS)
}
