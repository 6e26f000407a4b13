//! `marquee parked ...`: events that could not be applied, each with the later events of its stream behind it.

mod act;
mod list;
mod view;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use projections::Name;

use crate::api::{ApiArgs, OperatorArgs};
use crate::confirm::ConfirmArgs;
use crate::failure::Failure;
use crate::projection::ReasonArgs;

/// What to try.
pub(crate) const HELP: &str = "\
An event that cannot be applied parks its stream (one user, movie or cinema): it
and the later events of the stream wait, all other streams go on. After the code
is repaired, retry applies them in order. A discarded event is passed over for
good, by rebuilds too.

Examples:
  marquee parked list                  What is parked, and why
  marquee parked show users 4711       One stream, with what waits behind
  marquee parked retry users 4711      Apply it and what waits behind, in order
  marquee parked retry users --all     The same of every parked stream
  marquee parked discard users 4711 --reason 'test data'
                                       Pass over it, apply what waits behind

Exit code: 0 done, 1 failed or still parked, 64 not asked properly.";

/// A projection behind an address.
#[derive(Args, Clone, Debug)]
pub(crate) struct Of {
    /// The projection
    #[arg(value_name = "NAME")]
    name: Name,
    #[command(flatten)]
    api: ApiArgs,
    /// JSON, for machines
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ParkedCommand {
    /// Shows the parked streams, a line each
    List {
        /// The projection [default: all]
        #[arg(value_name = "NAME")]
        name: Option<Name>,
        #[command(flatten)]
        api: ApiArgs,
        /// One JSON array, for machines
        #[arg(long)]
        json: bool,
    },
    /// Shows why one stream is parked, and which events wait behind
    Show {
        #[command(flatten)]
        of: Of,
        /// Position of the stream's first parked event, as listed
        #[arg(value_name = "POSITION")]
        position: i64,
    },
    /// Applies a stream's parked events again, in order
    Retry {
        #[command(flatten)]
        of: Of,
        /// Position of the stream's first parked event, as listed
        #[arg(value_name = "POSITION", required_unless_present = "all")]
        position: Option<i64>,
        /// Every parked stream of the projection
        #[arg(long, conflicts_with = "position")]
        all: bool,
        #[command(flatten)]
        reason: ReasonArgs,
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// Passes over a stream's first parked event for good, and applies those behind it
    Discard {
        #[command(flatten)]
        of: Of,
        /// Position of the stream's first parked event, as listed
        #[arg(value_name = "POSITION")]
        position: i64,
        /// Why, recorded with your name
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// The stream's later parked events too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        confirm: ConfirmArgs,
        #[command(flatten)]
        operator: OperatorArgs,
    },
}

impl Of {
    /// The path of the projection's parked streams.
    fn path(&self) -> String {
        path(self.name)
    }
}

fn path(name: Name) -> String {
    format!("/projections/{}/parked", name.as_str())
}

pub(crate) async fn run(command: ParkedCommand) -> Result<ExitCode, Failure> {
    match command {
        ParkedCommand::List { name, api, json } => list::list(&api.api()?, name, json).await,
        ParkedCommand::Show { of, position } => list::show(&of, position).await,
        ParkedCommand::Retry {
            of,
            position: Some(position),
            reason,
            operator,
            ..
        } => act::retry(&of, position, &reason, &operator).await,
        ParkedCommand::Retry {
            of, reason, operator, ..
        } => act::retry_all(&of, &reason, &operator).await,
        ParkedCommand::Discard {
            of,
            position,
            reason,
            all,
            confirm,
            operator,
        } => act::discard(&of, position, (&reason, all), confirm, &operator).await,
    }
}
