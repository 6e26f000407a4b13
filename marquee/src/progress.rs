//! Says what takes long: a spinner on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

const TICK: Duration = Duration::from_millis(100);

/// The step the program is at.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    pub(crate) fn start() -> Self {
        Self(stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::with_template("{spinner} {msg} {elapsed}").expect("a valid template"));
            bar.enable_steady_tick(TICK);
            bar
        }))
    }

    /// Shows the step at hand in place of the one before.
    #[expect(
        clippy::print_stderr,
        reason = "where there is no terminal, this is for whoever reads the output"
    )]
    pub(crate) fn step(&self, step: &str) {
        match &self.0 {
            Some(bar) => bar.set_message(step.to_owned()),
            None => eprintln!("{step}"),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
