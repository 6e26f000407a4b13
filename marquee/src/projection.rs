//! `marquee projections ...`: what operators do with projections, through the service that runs them.

mod follow;
mod inspect;
mod operation;
mod pause;
mod rebuild;
mod report;
pub(crate) mod summary;
pub(crate) mod view;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use projections::Name;

use crate::api::{ApiArgs, OperatorArgs};
use crate::confirm::ConfirmArgs;
use crate::failure::Failure;
use rebuild::RebuildArgs;

/// What to try.
pub(crate) const HELP: &str = "\
A rebuild makes a read model anew from the log, as a generation of its own
beside the live one, compares the two, and switches. Queries go on meanwhile. The
generation before is kept for a rollback until the next switch.

Examples:
  marquee projections list                         How each of them is
  marquee projections rebuild catalog --dry-run    What would change, row by row
  marquee projections rebuild catalog              Build, verify, switch
  marquee projections rollback catalog             Back to the generation before
  marquee projections pause catalog --reason why   Apply nothing for a while
  marquee projections resume catalog               Go on

Exit code: 0 done, 1 failed or cancelled, 64 not asked properly.";

const REBUILD_HELP: &str = "\
Ctrl-C asks the service to cancel, which leaves no trace; a second Ctrl-C does
not wait for that.

Examples:
  marquee projections rebuild catalog --dry-run        What would change
  marquee projections rebuild catalog --throttle 2000  For a busy database
  marquee projections rebuild catalog --yes --detach   For scripts
  marquee projections rebuild catalog --attach         Watch the one that runs

Exit code: 0 done, 1 failed or cancelled, 64 not asked properly.";

/// One projection behind an address.
#[derive(Args, Clone, Debug)]
pub(crate) struct One {
    /// Its name
    #[arg(value_name = "NAME")]
    name: Name,
    #[command(flatten)]
    api: ApiArgs,
    /// The service's answer as JSON, for machines
    #[arg(long)]
    json: bool,
}

/// Why somebody does something.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReasonArgs {
    /// Why, recorded with your name
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ProjectionCommand {
    /// Shows how the projections are, a line each
    List {
        #[command(flatten)]
        api: ApiArgs,
        /// One JSON array, for machines
        #[arg(long)]
        json: bool,
    },
    /// Shows all that is known of one: its generations, its last rebuild, what operators did
    Show {
        #[command(flatten)]
        one: One,
    },
    /// Makes it apply nothing until it is resumed; queries are answered all the time
    Pause {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        reason: ReasonArgs,
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// Makes a paused one go on from where it is
    Resume {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        reason: ReasonArgs,
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// Makes its read model anew from the log, verifies it, and switches to it; queries go on
    #[command(after_help = REBUILD_HELP)]
    Rebuild(RebuildArgs),
    /// Switches back to the generation before the last rebuild, brought up to date first
    Rollback {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        reason: ReasonArgs,
        /// Do not wait for its end
        #[arg(long)]
        detach: bool,
        #[command(flatten)]
        confirm: ConfirmArgs,
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// Ends a running rebuild or rollback; what it made is removed
    Cancel {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        operator: OperatorArgs,
    },
}

impl One {
    /// The path of the projection's own resource.
    fn path(&self) -> String {
        format!("/projections/{}", self.name.as_str())
    }
}

pub(crate) async fn run(command: ProjectionCommand) -> Result<ExitCode, Failure> {
    match command {
        ProjectionCommand::List { api, json } => inspect::list(&api.api()?, json).await,
        ProjectionCommand::Show { one } => inspect::show(&one).await,
        ProjectionCommand::Pause { one, reason, operator } => pause::pause(&one, &reason, &operator).await,
        ProjectionCommand::Resume { one, reason, operator } => pause::resume(&one, &reason, &operator).await,
        ProjectionCommand::Rebuild(args) => rebuild::rebuild(args).await,
        ProjectionCommand::Rollback {
            one,
            reason,
            detach,
            confirm,
            operator,
        } => rebuild::rollback(&one, &reason, detach, confirm, &operator).await,
        ProjectionCommand::Cancel { one, operator } => rebuild::cancel(&one, &operator).await,
    }
}
