//! `marquee verify`: audits everything at rest, the event store and each projection, and says what it checked.

mod audited;
mod event_store;
mod projection;
mod report;

use std::process::ExitCode;

use clap::{Args, ValueEnum};

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
  marquee verify --only log --event-store-url ...  A backup that was restored elsewhere
  marquee verify --json | jq '.audited[].parts[].findings[]'";

/// Settings of `marquee verify`.
#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    databases: DatabaseArgs,
    /// Only this: the log, such as of a backup that was restored elsewhere. No read model is looked at, and no privilege
    #[arg(long, value_name = "PART")]
    only: Option<Only>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What is audited if not everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    Log,
}

pub(crate) async fn run(args: VerifyArgs) -> Result<ExitCode, Failure> {
    let progress = Progress::start();
    let databases = args.databases.databases().await?;
    let audited = match args.only {
        Some(Only::Log) => audit_log(&databases).await,
        None => audit(&databases, &|step| progress.step(step)).await,
    };
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

/// Audits the log alone. What operators have discarded is known from those projections whose databases are given.
async fn audit_log(databases: &Databases) -> Vec<Audited> {
    let discarded = projection::discarded(&databases.projections).await;
    vec![event_store::audit(&databases.event_store, &discarded, false).await]
}

/// Audits the event store, then each projection, which `say` is told of.
pub(crate) async fn audit(databases: &Databases, say: &dyn Fn(&str)) -> Vec<Audited> {
    let discarded = projection::discarded(&databases.projections).await;
    let mut audited = vec![event_store::audit(&databases.event_store, &discarded, true).await];
    for (name, url) in &databases.projections {
        say(&format!("The projection {}", name.as_str()));
        audited.push(projection::audit(*name, url.as_ref(), &databases.event_store).await);
    }
    audited
}
