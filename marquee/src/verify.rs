//! `marquee verify`: audits everything at rest, the event store and each projection, and says what it checked.

mod audited;
mod event_store;
mod projection;
mod report;

use std::process::ExitCode;

use clap::Args;

use crate::databases::{DatabaseArgs, Databases};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::terminal::print;
pub(crate) use audited::{Audited, Verdict};

pub(crate) const HELP: &str = "\
It changes nothing and may run beside everything else; it reads the whole log, so it takes its time.

Exit code: 0 all is sound; 1 something is wrong, or could not be checked.

Examples:
  marquee verify                                   What runs here
  marquee verify --json | jq '.audited[].parts[].findings[]'";

/// Settings of `marquee verify`.
#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    databases: DatabaseArgs,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: VerifyArgs) -> Result<ExitCode, Failure> {
    let progress = Progress::start();
    let audited = audit(&args.databases.databases()?, &|step| progress.step(step)).await;
    drop(progress);
    let verdict = Verdict::of(&audited);
    print(&if args.json {
        report::json(&audited, &verdict).to_string()
    } else {
        report::text(&audited, &verdict)
    })?;
    Ok(if verdict.is_sound() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Audits the event store, then each projection, which `say` is told of.
pub(crate) async fn audit(databases: &Databases, say: &dyn Fn(&str)) -> Vec<Audited> {
    let discarded = projection::discarded(&databases.projections).await;
    let mut audited = vec![event_store::audit(&databases.event_store, &discarded).await];
    for (name, url) in &databases.projections {
        say(&format!("The projection {}", name.as_str()));
        audited.push(projection::audit(*name, url.as_ref(), &databases.event_store).await);
    }
    audited
}
