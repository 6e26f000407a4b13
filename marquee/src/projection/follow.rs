//! Follows a running rebuild until it ends: a bar on a terminal, plain lines elsewhere.
//!
//! The service is asked again and again rather than listened to, so that it may be restarted meanwhile.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep};

use crate::api::{Api, ApiError};
use crate::failure::Failure;
use crate::projection::operation::Operation;
use crate::projection::summary::rate;
use crate::status::span;
use crate::table::thousands;

const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Plain lines are read later, by whoever looks for what took long.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// How long a service may be away, restarted for example, before it is given up.
const AWAY_MAX: Duration = Duration::from_secs(60);
/// A bar is a thousand parts long.
const PARTS: u64 = 1000;

/// What the service said last of an operation that has ended.
pub(crate) struct Ended {
    /// As it was sent.
    pub(crate) sent: Value,
    /// As it was understood.
    pub(crate) operation: Operation,
}

/// Whose operation it is that is followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// One's own: Ctrl-C cancels it.
    Cancels,
    /// Somebody else's: Ctrl-C leaves it alone.
    Leaves,
}

/// Follows the operation at `path` until it ends; nothing when the person has had enough before.
///
/// # Errors
/// The service refuses, is away for a minute, or works on another operation.
pub(crate) async fn follow(
    api: &Api,
    path: &str,
    begun: &Operation,
    interrupt: Interrupt,
) -> Result<Option<Ended>, Failure> {
    let mut interrupts = signal(SignalKind::interrupt()).expect("SIGINT can be handled");
    let mut shown = Shown::new();
    let mut heard = Instant::now();
    let mut cancelling = false;
    shown.shows(begun);
    loop {
        match api.get::<Value>(path).await {
            Ok(sent) => {
                heard = Instant::now();
                let operation = Operation::deserialize(&sent).unwrap_or_default();
                if !is_same(&operation, begun) {
                    return Err("another operation has begun since; how this one ended is not known".into());
                }
                if !operation.is_running() {
                    return Ok(Some(Ended { sent, operation }));
                }
                shown.shows(&operation);
            }
            Err(ApiError::Refused(refusal)) if !refusal.status.is_server_error() => return Err(refusal.into()),
            Err(error) if heard.elapsed() > AWAY_MAX => return Err(error.into()),
            Err(_) => shown.says("the service does not answer; asking again"),
        }
        if !interrupted(&mut interrupts).await {
            continue;
        }
        if cancelling || interrupt == Interrupt::Leaves {
            return Ok(None);
        }
        cancelling = true;
        shown.line("Cancelling; Ctrl-C again does not wait for it");
        match api.delete::<Value>(path).await {
            Ok(_) => {}
            // It has ended meanwhile.
            Err(error) if error.refused_with("REBUILD_NOT_RUNNING").is_some() => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Tells by its beginning, which a database keeps less exactly than a process.
fn is_same(operation: &Operation, begun: &Operation) -> bool {
    let began = |operation: &Operation| operation.started_at.map(|at| at.timestamp_millis());
    began(operation) == began(begun)
}

/// Waits until it is time to ask again; true when the person interrupts.
async fn interrupted(interrupts: &mut Signal) -> bool {
    tokio::select! {
        _ = interrupts.recv() => true,
        () = sleep(POLL_INTERVAL) => false,
    }
}

/// What is on the terminal, or was printed last.
struct Shown {
    bar: Option<ProgressBar>,
    phase: String,
    printed: Instant,
}

impl Shown {
    fn new() -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(PARTS);
            let template = "{prefix} [{bar:20}] {wide_msg}";
            let style = ProgressStyle::with_template(template).expect("a valid template");
            bar.set_style(style.progress_chars("=> "));
            bar
        });
        Self {
            bar,
            phase: String::new(),
            printed: Instant::now(),
        }
    }

    fn shows(&mut self, operation: &Operation) {
        let Some(bar) = &self.bar else {
            let is_new = operation.phase() != self.phase;
            if is_new || self.printed.elapsed() > LINE_INTERVAL {
                self.printed = Instant::now();
                self.line(&format!("{}: {}", operation.title(), progress(operation)));
            }
            self.phase = operation.phase();
            return;
        };
        bar.set_prefix(operation.projection.clone());
        // A percentage is between 0 and 100.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        bar.set_position((operation.percent.unwrap_or_default().clamp(0.0, 100.0) * 10.0) as u64);
        bar.set_message(progress(operation));
    }

    /// In the place of the progress.
    fn says(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
    }

    /// A line that stays.
    #[expect(
        clippy::print_stderr,
        reason = "where there is no terminal, this is for whoever reads the output"
    )]
    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// ` 42 % loading  4,200/10,000 events  1,900/s  3 s left`: what fits beside a bar.
fn progress(operation: &Operation) -> String {
    let mut text = operation
        .percent
        .map_or_else(String::new, |percent| format!("{percent:3.0} % "));
    text.push_str(&operation.phase());
    if let (Some(done), Some(total)) = (operation.events_done, operation.events_total) {
        text.push_str(&format!("  {}/{} events", thousands(done), thousands(total)));
    }
    if let Some(events) = operation.events_per_second {
        text.push_str(&format!("  {}/s", rate(events)));
    }
    if let Some(left) = operation.seconds_left {
        // Nothing takes longer than an i64 of seconds.
        #[allow(clippy::cast_possible_truncation)]
        let left = left.ceil() as i64;
        text.push_str(&format!("  {} left", span(left)));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::progress;

    #[test]
    fn progress_tells_what_is_known() {
        let mut operation = json!({"state": "running", "phase": "catching_up", "percent": 42.4, "events_done": 4240,
            "events_total": 10000, "events_per_second": 1900.2, "seconds_left": 2.5});
        let told =
            |operation: &serde_json::Value| progress(&serde_json::from_value(operation.clone()).expect("its shape"));
        assert_eq!(
            told(&operation),
            " 42 % catching up  4,240/10,000 events  1,900/s  3 s left"
        );
        operation = json!({"state": "running", "phase": null});
        assert_eq!(told(&operation), "starting");
    }
}
