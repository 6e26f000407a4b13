//! The live line: how the load fares at the moment.

use std::fmt;
use std::time::Duration;

use crate::table::thousands;

/// What stands above the lines; they are less than 80 characters wide.
pub(crate) const HEAD: &str = "elapsed accepted/s     p50     p99 errors refused   busy   late in flight     lag";

/// Rate and latencies since the line before, counts since the start.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) elapsed: Duration,
    pub(crate) accepted_per_second: f64,
    pub(crate) p50: Option<Duration>,
    pub(crate) p99: Option<Duration>,
    pub(crate) errors: u64,
    pub(crate) refused: u64,
    pub(crate) busy: u64,
    pub(crate) late: u64,
    /// On their way.
    pub(crate) in_flight: usize,
    /// Events that the last of the projections has not applied yet.
    pub(crate) lag_events: Option<i64>,
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lag = self.lag_events.map_or_else(|| "-".to_owned(), thousands);
        write!(
            formatter,
            "{:>7} {:>10.1} {:>7} {:>7} {:>6} {:>7} {:>6} {:>6} {:>9} {lag:>7}",
            clock(self.elapsed),
            self.accepted_per_second,
            latency(self.p50),
            latency(self.p99),
            self.errors,
            self.refused,
            self.busy,
            self.late,
            self.in_flight,
        )
    }
}

/// Minutes and seconds, as a clock shows them.
fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// A latency in at most seven characters; `-` when there is none.
pub(crate) fn latency(latency: Option<Duration>) -> String {
    let Some(latency) = latency else {
        return "-".to_owned();
    };
    match latency.as_millis() {
        0..=99 => format!("{:.1} ms", latency.as_secs_f64() * 1_000.0),
        100..=9_999 => format!("{} ms", latency.as_millis()),
        _ => format!("{} s", latency.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{HEAD, Line, latency};

    #[test]
    fn a_line_stands_under_its_head() {
        let mut line = Line {
            elapsed: Duration::from_secs(3_723),
            accepted_per_second: 49.96,
            p50: Some(Duration::from_micros(3_140)),
            p99: None,
            errors: 1,
            refused: 2,
            busy: 3,
            late: 4,
            in_flight: 5,
            lag_events: Some(12_345),
        };
        let shown = line.to_string();
        assert_eq!(
            shown,
            "1:02:03       50.0  3.1 ms       -      1       2      3      4         5  12,345"
        );
        assert_eq!(shown.len(), HEAD.len());
        line.elapsed = Duration::from_secs(61);
        line.lag_events = None;
        let shown = line.to_string();
        assert!(shown.starts_with("   1:01 ") && shown.ends_with("      -"), "{shown}");
    }

    #[test]
    fn a_latency_has_the_unit_that_shows_it_best() {
        let shown = [0, 99_940, 100_000, 9_999_000, 12_345_678].map(|us| latency(Some(Duration::from_micros(us))));
        assert_eq!(shown, ["0.0 ms", "99.9 ms", "100 ms", "9999 ms", "12 s"]);
    }
}
