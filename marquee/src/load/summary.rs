//! What the load came to: a table for eyes, an object for machines.

use std::time::Duration;

use serde_json::{Value, json};

use super::line::latency;
use super::tally::{Counts, Tally};
use crate::table::{Cell, Column, Table, thousands};
use crate::terminal::{bad, warning};

const PERCENTILES: [f64; 3] = [50.0, 90.0, 99.0];

/// A load that has ended.
pub(crate) struct Summary<'a> {
    /// What its ids begin with.
    pub(crate) run: &'a str,
    pub(crate) url: &'a str,
    pub(crate) seed: u64,
    /// Commands that were due in a second.
    pub(crate) rate: u32,
    pub(crate) elapsed: Duration,
    /// Events that the last of the projections had not applied at the end.
    pub(crate) lag_events: Option<i64>,
    pub(crate) tally: &'a Tally,
}

impl Summary<'_> {
    fn accepted_per_second(&self) -> f64 {
        self.tally.accepted as f64 / self.elapsed.as_secs_f64()
    }

    /// All counts and latencies, in milliseconds.
    pub(crate) fn json(&self) -> Value {
        let tally = self.tally;
        let [p50, p90, p99] = PERCENTILES.map(|percent| milliseconds(tally.percentile(percent)));
        json!({
            "run": self.run,
            "url": self.url,
            "seed": self.seed,
            "rate": self.rate,
            "elapsed_seconds": rounded(self.elapsed.as_secs_f64()),
            "commands": tally.ended(),
            "accepted": tally.accepted,
            "accepted_per_second": rounded(self.accepted_per_second()),
            "latency_ms": {"p50": p50, "p90": p90, "p99": p99, "max": milliseconds(tally.latency_max())},
            "refused": tally.refused,
            "busy": tally.busy,
            "errors": tally.errors,
            "late": tally.late,
            "sent_again": tally.repeats,
            "lag_events": self.lag_events,
        })
    }

    pub(crate) fn text(&self) -> String {
        let tally = self.tally;
        let elapsed = self.elapsed.as_secs_f64();
        let mut counts = Table::new([Column::Left("COMMANDS"), Column::Right("COUNT"), Column::Left("")]);
        let rate = format!("{:.1} a second of {}", self.accepted_per_second(), self.rate);
        counts.row([Cell::new("accepted"), count(tally.accepted), Cell::new(rate)]);
        add(&mut counts, "refused", &tally.refused, &warning());
        add(&mut counts, "busy", &tally.busy, &warning());
        add(&mut counts, "error", &tally.errors, &bad());
        if tally.late > 0 {
            let why = "left out: no connection was free within 1 s";
            counts.row([Cell::styled("late", warning()), count(tally.late), Cell::new(why)]);
        }
        if tally.repeats > 0 {
            let why = "for want of an answer, with the same key";
            counts.row([Cell::new("sent again"), count(tally.repeats), Cell::new(why)]);
        }
        let mut latencies = Table::new(["P50", "P90", "P99", "MAX"].map(Column::Right));
        let shown = PERCENTILES.map(|percent| Cell::new(latency(tally.percentile(percent))));
        let [p50, p90, p99] = shown;
        latencies.row([p50, p90, p99, Cell::new(latency(tally.latency_max()))]);
        let lag = self.lag_events.map_or_else(|| "not known".to_owned(), thousands);
        format!(
            "{} commands in {elapsed:.1} s to {} as {}, seed {}.\n\n{counts}\n\nLatency of the accepted, from when they were due:\n\n{latencies}\n\nEvents that the projections have yet to apply: {lag}.",
            thousands(i64::try_from(tally.ended()).unwrap_or(i64::MAX)),
            self.url,
            self.run,
            self.seed,
        )
    }
}

/// A row for each code or kind.
fn add(table: &mut Table, what: &str, counts: &Counts, style: &console::Style) {
    for (kind, number) in counts {
        table.row([
            Cell::styled(what, style.clone()),
            count(*number),
            Cell::new(kind.clone()),
        ]);
    }
}

fn count(number: u64) -> Cell {
    Cell::number(i64::try_from(number).ok())
}

fn milliseconds(latency: Option<Duration>) -> Option<f64> {
    latency.map(|latency| rounded(latency.as_secs_f64() * 1_000.0))
}

/// Three digits after the point are enough for anybody.
fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::Summary;
    use crate::load::sender::{Answered, Outcome};
    use crate::load::tally::Tally;

    fn tally() -> Tally {
        let mut tally = Tally::new();
        let outcomes = [
            Outcome::Accepted,
            Outcome::Accepted,
            Outcome::Refused("CONFLICT".to_owned()),
            Outcome::Failed("not connected".to_owned()),
        ];
        for outcome in outcomes {
            tally.count(&Answered { outcome, repeats: 1 }, Duration::from_millis(4));
        }
        tally.late = 3;
        tally
    }

    fn summary(tally: &Tally) -> Summary<'_> {
        Summary {
            run: "load-1",
            url: "http://x",
            seed: 1,
            rate: 10,
            elapsed: Duration::from_secs(4),
            lag_events: Some(7),
            tally,
        }
    }

    #[test]
    fn machines_are_told_every_count() {
        let tally = tally();
        let mut told = summary(&tally).json();
        let p99 = told["latency_ms"]["p99"].as_f64().expect("a number");
        assert!((p99 - 4.0).abs() < 0.01, "{p99}");
        told["latency_ms"] = json!(null);
        assert_eq!(
            told,
            json!({
                "run": "load-1", "url": "http://x", "seed": 1, "rate": 10, "elapsed_seconds": 4.0, "commands": 7,
                "accepted": 2, "accepted_per_second": 0.5, "latency_ms": null, "refused": {"CONFLICT": 1}, "busy": {},
                "errors": {"not connected": 1}, "late": 3, "sent_again": 4, "lag_events": 7,
            })
        );
    }

    #[test]
    fn people_are_told_what_there_is_to_tell() {
        let tally = tally();
        let told = summary(&tally).text();
        let told = console::strip_ansi_codes(&told);
        for line in [
            "7 commands in 4.0 s to http://x as load-1, seed 1.",
            "accepted        2  0.5 a second of 10",
            "refused         1  CONFLICT",
            "error           1  not connected",
            "late            3  left out: no connection was free within 1 s",
            "Events that the projections have yet to apply: 7.",
        ] {
            assert!(told.lines().any(|told| told == line), "{line}: {told}");
        }
        assert!(!told.contains("busy"), "{told}");
        let nothing = Tally::new();
        assert!(summary(&nothing).text().contains('-'), "no latency is known");
    }
}
