//! `marquee events tail`: the last events, and those that come.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use domain::{Envelope, Position};
use event_store::{LogError, LogReader};
use service::{BoxError, shutdown_on_signal};
use tokio::time::sleep;
use uuid::Uuid;

use super::pattern::Pattern;
use super::{line, log};
use crate::databases::EventStoreArgs;
use crate::failure::Failure;
use crate::terminal::print;

/// Events read at once.
const CHUNK: u32 = 500;
/// How often the log is asked for more.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// The pause before a database that does not answer is asked again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How far back the last events are looked for.
const LOOK_BACK: i64 = 100_000;
const SHOWN: u32 = 10;

pub(crate) const HELP: &str = "\
Examples:
  marquee events tail                              The last 10 events, then what comes, until Ctrl-C
  marquee events tail --type 'user.#' --json       For machines, only what happens to users
  marquee events tail --after 0 --no-follow        The whole log
  marquee events tail --after 172 -n 5             The five events behind position 172";

/// Settings of `marquee events tail`.
#[derive(Args, Clone, Debug)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    event_store: EventStoreArgs,
    /// Only events whose type matches: `*` stands for one word, `#` for any number
    #[arg(long = "type", value_name = "PATTERN")]
    pattern: Option<Pattern>,
    /// Begin behind this position instead of with the last events
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
    /// How many of the last events to show [default: 10]; with --after, end after so many
    #[arg(long, short = 'n', value_name = "NUMBER")]
    limit: Option<u32>,
    /// End with the end of the log instead of waiting for more
    #[arg(long)]
    no_follow: bool,
    /// One JSON object in each line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: TailArgs) -> Result<ExitCode, Failure> {
    let tail = Tail {
        log: log(&args.event_store.url().await?),
        args,
    };
    let stop = shutdown_on_signal();
    stop.run_until_cancelled(tail.run()).await.transpose()?;
    Ok(ExitCode::SUCCESS)
}

struct Tail {
    log: LogReader,
    args: TailArgs,
}

impl Tail {
    async fn run(&self) -> Result<(), BoxError> {
        let head = self.log.head().await?;
        let (after, left) = match self.args.after {
            Some(after) => (Position(after), self.args.limit),
            None => {
                self.show_last(head.position).await?;
                (head.position, None)
            }
        };
        self.follow(head.log_id, after, left).await
    }

    /// Shows the last events up to `head`, looking back for them in chunks.
    async fn show_last(&self, head: Position) -> Result<(), BoxError> {
        let wanted = self.args.limit.unwrap_or(SHOWN) as usize;
        let mut last: VecDeque<Envelope> = VecDeque::new();
        let (mut to, stop) = (head, (head.0 - LOOK_BACK).max(0));
        while last.len() < wanted && to.0 > stop {
            let after = Position((to.0 - i64::from(CHUNK)).max(stop));
            let found = self.log.read_range(after, to).await?;
            let matching = found.into_iter().rev().filter(|event| self.wants(event));
            for event in matching.take(wanted - last.len()) {
                last.push_front(event);
            }
            to = after;
        }
        if last.len() < wanted && stop > 0 {
            note(&format!(
                "Only the last {LOOK_BACK} events were looked through; --after 0 looks through all."
            ));
        }
        last.iter().try_for_each(|event| self.show(event))?;
        Ok(())
    }

    /// Shows what is behind `after`, `left` events if that is given, and waits for more if that is wanted.
    async fn follow(&self, log_id: Uuid, mut after: Position, mut left: Option<u32>) -> Result<(), BoxError> {
        let mut away = false;
        while left != Some(0) {
            let events = match self.log.read(after, CHUNK).await {
                Err(LogError::Database(error)) if !self.args.no_follow && passes(&error) => {
                    if !away {
                        note(&format!("The event store does not answer ({error}); trying again."));
                    }
                    away = true;
                    sleep(RETRY_PAUSE).await;
                    continue;
                }
                read => read?,
            };
            away = false;
            let count = events.len();
            for event in events {
                if event.log_id != log_id {
                    return Err("the log has another identity by now; its positions are others".into());
                }
                after = event.position;
                if left != Some(0) && self.wants(&event) {
                    self.show(&event)?;
                    left = left.map(|left| left - 1);
                }
            }
            if count == 0 {
                if self.args.no_follow {
                    break;
                }
                sleep(POLL_INTERVAL).await;
            }
        }
        Ok(())
    }

    fn wants(&self, event: &Envelope) -> bool {
        let pattern = self.args.pattern.as_ref();
        pattern.is_none_or(|pattern| pattern.matches(&event.event_type))
    }

    fn show(&self, event: &Envelope) -> std::io::Result<()> {
        print(&if self.args.json {
            line::object(event).to_string()
        } else {
            line::text(event)
        })
    }
}

/// What the database says itself, such as a login it refuses, or a row it cannot give, does not pass by waiting; but it
/// may be starting or stopping.
fn passes(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| code.starts_with("57P") || code == "53300"),
        _ => false,
    }
}

#[expect(clippy::print_stderr, reason = "standard output is for events")]
fn note(text: &str) {
    eprintln!("{text}");
}
