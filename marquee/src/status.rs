//! `marquee status`: everything that runs, on one screen.

mod health;
mod screen;
mod snapshot;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::time::{MissedTickBehavior, interval};

use crate::api::{Api, ApiArgs};
use crate::failure::{Failure, UNHEALTHY};
use crate::terminal::{Screen, print};
pub(crate) use screen::span;
use snapshot::Snapshot;
pub(crate) use snapshot::{Readiness, every_projection};

const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// What the exit code means, and what to try.
pub(crate) const HELP: &str = "\
Exit code: 0 healthy, 3 not. Not healthy is:
  - nothing answers, or a required check of /readyz fails
  - the event store or a projection answers with an error or without its database
  - no relay leads, it has halted, or the leader that is asked has no broker that
    takes messages
  - a projection is connecting, paused, held, stopped, of another version or on
    another log, is more than 30 s behind, or has parked streams
What nobody serves at the address is shown as such and does not count.

Examples:
  marquee status                                What runs here
  marquee status --watch                        The same, every second
  marquee status --url http://marquee.example   Through a front door
  marquee status --json | jq .problems          For machines";

/// Settings of `marquee status`.
#[derive(Args, Clone, Debug)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// Look again every second until Ctrl-C; in place on a terminal
    #[arg(long, short)]
    watch: bool,
    /// One JSON object; with --watch one in each line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: StatusArgs) -> Result<ExitCode, Failure> {
    let api = args
        .api
        .api()
        .map_err(|error| Failure::from(error).with_code(UNHEALTHY))?;
    if args.watch {
        return watch(&api, args.json).await;
    }
    let (healthy, text) = look(&api, args.json).await;
    print(&text)?;
    Ok(exit_code(healthy))
}

/// Until it is told to stop; its exit code is that of the last look.
async fn watch(api: &Api, json: bool) -> Result<ExitCode, Failure> {
    let stop = service::shutdown_on_signal();
    let screen = if json { None } else { Screen::open() };
    let mut ticks = interval(REFRESH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut healthy = false;
    let watching = async {
        loop {
            ticks.tick().await;
            let (is_healthy, text) = look(api, json).await;
            healthy = is_healthy;
            match &screen {
                Some(screen) => screen.draw(&text)?,
                None => print(&if json { text } else { format!("{text}\n") })?,
            }
        }
    };
    let ended: Option<std::io::Result<()>> = stop.run_until_cancelled(watching).await;
    ended.transpose()?;
    Ok(exit_code(healthy))
}

async fn look(api: &Api, json: bool) -> (bool, String) {
    let snapshot = Snapshot::take(api).await;
    let problems = snapshot.problems();
    let text = if json {
        snapshot.json(&problems).to_string()
    } else {
        screen::screen(&snapshot, &problems)
    };
    (problems.is_empty(), text)
}

fn exit_code(healthy: bool) -> ExitCode {
    if healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(UNHEALTHY)
    }
}
