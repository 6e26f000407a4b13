//! Where the live line is shown: in place on a terminal, one after the other elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::line::{HEAD, Line};

/// The first one shows soon that something happens.
const FIRST_AFTER: Duration = Duration::from_secs(1);
const IN_PLACE_INTERVAL: Duration = Duration::from_secs(1);
/// Plain lines are read later.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// Shows lines on standard error; standard output is for the summary.
pub(crate) struct Live {
    in_place: Option<ProgressBar>,
    has_head: bool,
}

impl Live {
    pub(crate) fn open() -> Self {
        let in_place = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::with_template("{msg}").expect("a valid template"));
            bar
        });
        Self {
            in_place,
            has_head: false,
        }
    }

    /// When lines are to be shown.
    pub(crate) fn ticks(&self, start: Instant) -> Interval {
        let interval = match self.in_place {
            Some(_) => IN_PLACE_INTERVAL,
            None => PLAIN_INTERVAL,
        };
        let mut ticks = interval_at(start + FIRST_AFTER, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    }

    #[expect(clippy::print_stderr, reason = "for whoever watches")]
    pub(crate) fn show(&mut self, line: &Line) {
        match &self.in_place {
            Some(bar) => {
                bar.set_message(format!("{HEAD}\n{line}"));
                bar.tick();
            }
            None if self.has_head => eprintln!("{line}"),
            None => eprintln!("{HEAD}\n{line}"),
        }
        self.has_head = true;
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(bar) = &self.in_place {
            bar.finish_and_clear();
        }
    }
}
