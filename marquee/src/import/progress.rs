//! How far an import is: a bar on a terminal, a plain line now and then elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// Shows it on standard error; standard output is for the report.
pub(crate) struct Bar {
    bar: Option<ProgressBar>,
    done: usize,
    all: usize,
    last_line: Instant,
}

impl Bar {
    pub(crate) fn begin(all: usize) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(all as u64);
            let template = "[{bar:30}] {percent:>3} %  {human_pos}/{human_len} movies  {per_sec}  {eta} left";
            bar.set_style(ProgressStyle::with_template(template).expect("a valid template"));
            bar
        });
        Self {
            bar,
            done: 0,
            all,
            last_line: Instant::now(),
        }
    }

    #[expect(clippy::print_stderr, reason = "for whoever reads the output")]
    pub(crate) fn advance(&mut self) {
        self.done += 1;
        match &self.bar {
            Some(bar) => bar.inc(1),
            None if self.last_line.elapsed() >= PLAIN_INTERVAL => {
                eprintln!("{} of {} movies", self.done, self.all);
                self.last_line = Instant::now();
            }
            None => {}
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
