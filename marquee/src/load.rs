//! `marquee load`: a steady, plausible stream of commands against the services, and how it fares.

pub(crate) mod command;
pub(crate) mod generator;
mod lag;
mod line;
mod live;
mod schedule;
mod sender;
mod stream;
mod subject;
mod summary;
mod tally;
mod words;

use std::process::ExitCode;
use std::time::Duration;

use chrono::Utc;
use clap::Args;
use uuid::Uuid;

use crate::api::{Api, ApiArgs, ApiError};
use crate::failure::Failure;
use crate::terminal::print;
use generator::Generator;
use lag::Lag;
use schedule::Schedule;
use sender::Sender;
use stream::Stream;
use summary::Summary;

/// How long the first answer may take, before anything is sent.
const REACH_TIMEOUT: Duration = Duration::from_secs(15);

/// What is sent, what is counted, and what to try.
pub(crate) const HELP: &str = "\
Every command is due at its own time, and its latency counts from then, so that a slow
service is seen as slow. One that cannot be sent within a second of that time, because
all connections are busy, is counted as late and left out. One that is not answered, or
answered OUTCOME_UNKNOWN, is sent again with the same Idempotency-Key. The figures of
the live line's rate and latency are those since the line before.

Each run makes users, movies and cinemas of its own (ids begin with load-) in cities of
their own (load-berlin). They stay.

Exit code: 0, or 1 when there were errors: no answer, 5xx, an event store that is away.
Being refused (4xx), and being told that a service is busy (503 with Retry-After), are
counted and are no errors.

Examples:
  marquee load                             50 commands a second, until Ctrl-C
  marquee load --rate 500 --for 30s        More of them, for half a minute
  marquee load --for 3m --json             For machines";

/// Settings of `marquee load`.
#[derive(Args, Clone, Debug)]
pub(crate) struct LoadArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// Commands per second
    #[arg(long, value_name = "COMMANDS", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// For how long: 30s, 3m, 1h [default: until Ctrl-C]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    duration: Option<Duration>,
    /// Commands on their way at once, each on a connection of its own
    #[arg(long, value_name = "CONNECTIONS", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    connections: u16,
    /// Chooses the mix: the same seed makes the same commands, under other ids
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// The summary as one JSON object
    #[arg(long)]
    json: bool,
}

/// Why a load could not begin.
#[derive(Debug, thiserror::Error)]
#[error("the services at {url} gave no answer within {} s", REACH_TIMEOUT.as_secs())]
struct NotReached {
    url: String,
    source: ApiError,
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be more than nothing".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(format!("{error}; it looks like 30s, 3m or 1h 30m")),
    }
}

/// Sends commands until the time is over or it is told to stop, and prints how they fared.
pub(crate) async fn run(args: LoadArgs) -> Result<ExitCode, Failure> {
    let api = args.api.api()?;
    reach(&api).await?;
    let run = run_id();
    let generator = Generator::new(&run, args.seed, Utc::now().date_naive());
    let schedule = Schedule::new(args.rate, args.duration);
    let lag = Lag::watch(api.clone());
    let sender = Sender::new(&api);
    let stream = Stream::new(generator, schedule, sender, usize::from(args.connections));
    let stop = service::shutdown_on_signal();
    let (tally, elapsed) = stream.run(&lag, &stop).await;
    let lag_events = lag.now().await;
    let summary = Summary {
        run: &run,
        url: api.url(),
        seed: args.seed,
        rate: args.rate,
        elapsed,
        lag_events,
        tally: &tally,
    };
    print(&if args.json {
        summary.json().to_string()
    } else {
        summary.text()
    })?;
    Ok(ExitCode::from(u8::from(tally.errors() > 0)))
}

/// A load against nothing would only count errors. What is there need not be ready: that is for the load to show.
async fn reach(api: &Api) -> Result<(), Failure> {
    match api.get_any("/readyz", REACH_TIMEOUT).await {
        Ok(_) => Ok(()),
        Err(unreachable @ ApiError::Unreachable { .. }) => Err(unreachable.into()),
        Err(source) => {
            let url = api.url().to_owned();
            Err(NotReached { url, source }.into())
        }
    }
}

/// What the ids of this run begin with: no two runs meet.
fn run_id() -> String {
    let random = Uuid::new_v4().simple().to_string();
    format!("load-{}", &random[..10])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::duration;

    #[test]
    fn a_duration_is_a_number_with_its_unit() {
        for (text, seconds) in [("30s", 30), ("3m", 180), ("1h", 3_600), ("1h 30m", 5_400)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "30", "s", "-3s", "0s", "three minutes"] {
            assert!(duration(text).is_err(), "{text}");
        }
        let refused = duration("30").expect_err("no unit");
        assert!(refused.contains("it looks like 30s"), "{refused}");
    }
}
