//! `marquee ready`: whether the process at an address is ready, as an exit code, for whoever starts and restarts it.

use std::process::ExitCode;

use clap::Args;

use crate::api::{Answer, ApiArgs};
use crate::failure::Failure;
use crate::status::Readiness;
use crate::terminal::print;

/// What the exit code means.
pub(crate) const HELP: &str = "\
Exit code: 0 ready, 1 not: a required check of /readyz fails, or nothing answers.

Example, in a Dockerfile:
  HEALTHCHECK CMD [\"marquee\", \"ready\"]";

/// Settings of `marquee ready`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReadyArgs {
    #[command(flatten)]
    api: ApiArgs,
}

/// Asks `/readyz` once and says which required checks fail.
pub(crate) async fn run(args: ReadyArgs) -> Result<ExitCode, Failure> {
    let api = args.api.api()?;
    let failing = match api.look_at::<Readiness>("/readyz").await {
        Answer::Given { understood, .. } => failing(&understood),
        Answer::NotServed => vec![format!("{}: /readyz is not served", api.shown_url())],
        Answer::Away(reason) => vec![format!("{}: {reason}", api.shown_url())],
    };
    if failing.is_empty() {
        print("ready")?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&failing.join("\n"))?;
    Ok(ExitCode::FAILURE)
}

fn failing(readiness: &Readiness) -> Vec<String> {
    let required = readiness.checks.iter().filter(|(_, check)| check.required && !check.ok);
    required
        .map(|(name, check)| format!("{name}: {}", check.detail))
        .collect()
}
