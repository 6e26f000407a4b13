//! The one screen of `marquee status`.

use chrono::{DateTime, Utc};

use crate::api::Answer;
use crate::projection::summary::{self, NOT_SERVED};
use crate::status::health::REFUSING;
use crate::status::snapshot::{Check, EventStore, Readiness, Relay, Snapshot};
use crate::table::{Cell, Column, Table, printable};
use crate::terminal::{bad, dim, good, warning};

/// Everything that is known, for eyes.
pub(crate) fn screen(snapshot: &Snapshot, problems: &[String]) -> String {
    if snapshot.nothing_answers() {
        return [heading(snapshot, problems), trouble(problems)].join("\n\n");
    }
    let mut parts = vec![heading(snapshot, problems)];
    // First, so that a low terminal does not cut it off.
    if !problems.is_empty() {
        parts.push(trouble(problems));
    }
    parts.extend([
        services(&snapshot.readiness),
        log_and_relay(snapshot),
        summary::table(&snapshot.projections).to_string(),
    ]);
    let queues = queues(snapshot);
    if !queues.is_empty() {
        parts.push(queues.to_string());
    }
    parts.join("\n\n")
}

fn heading(snapshot: &Snapshot, problems: &[String]) -> String {
    let verdict = if problems.is_empty() {
        good().apply_to("healthy")
    } else {
        bad().apply_to("not healthy")
    };
    let at = snapshot.at.format("%Y-%m-%d %H:%M:%S UTC");
    format!(
        "Marquee at {}: {}  {}",
        snapshot.url,
        verdict.bold(),
        dim().apply_to(at)
    )
}

fn services(readiness: &Answer<Readiness>) -> String {
    let mut table = Table::new([Column::Left("SERVICE"), Column::Left("CHECK"), Column::Left("")]);
    match readiness {
        Answer::Given { understood, .. } => {
            for (name, check) in &understood.checks {
                table.row([Cell::new(name), verdict(check), Cell::new(&check.detail)]);
            }
        }
        Answer::NotServed => table.row([Cell::new("/readyz"), Cell::styled(NOT_SERVED, dim()), Cell::new("")]),
        Answer::Away(reason) => table.row([Cell::new("/readyz"), Cell::styled("away", bad()), Cell::new(reason)]),
    }
    table.to_string()
}

fn verdict(check: &Check) -> Cell {
    match (check.ok, check.required) {
        (true, _) => Cell::styled("ok", good()),
        (false, true) => Cell::styled("failing", bad()),
        (false, false) => Cell::styled("failing", warning()),
    }
}

fn log_and_relay(snapshot: &Snapshot) -> String {
    let columns = [
        Column::Left("LOG"),
        Column::Left("STATE"),
        Column::Right("POSITION"),
        Column::Right("BEHIND"),
        Column::Left(""),
    ];
    let mut table = Table::new(columns);
    table.row(named("event store", &snapshot.event_store, |store| {
        event_store(store, snapshot.at)
    }));
    table.row(named("relay", &snapshot.relay, relay));
    table.to_string()
}

/// A row of five cells: the name and what an answer says, or why there is none.
fn named<T>(name: &str, answer: &Answer<T>, cells: impl Fn(&T) -> [Cell; 4]) -> Vec<Cell> {
    let said = match answer {
        Answer::Given { understood, .. } => cells(understood),
        Answer::NotServed => [
            Cell::styled("-", dim()),
            Cell::number(None),
            Cell::number(None),
            Cell::styled(NOT_SERVED, dim()),
        ],
        Answer::Away(reason) => [
            Cell::styled("away", bad()),
            Cell::number(None),
            Cell::number(None),
            Cell::new(reason),
        ],
    };
    std::iter::once(Cell::new(name)).chain(said).collect()
}

fn event_store(store: &EventStore, now: DateTime<Utc>) -> [Cell; 4] {
    let last = match store.recorded_at {
        Some(at) => format!("last event {} ago", span((now - at).num_seconds())),
        None => "no events yet".to_owned(),
    };
    let log_id = store.log_id.as_deref().unwrap_or("unknown");
    [
        Cell::styled("answers", good()),
        Cell::number(store.head),
        Cell::new(""),
        Cell::new(format!("{last}, log {log_id}")),
    ]
}

fn relay(relay: &Relay) -> [Cell; 4] {
    let broker = relay.broker.as_deref().unwrap_or("unknown");
    let (state, mut detail) = match (&relay.halted, &relay.leader) {
        (Some(halt), _) => (Cell::styled("halted", bad()), format!("{}: {}", halt.code, halt.reason)),
        (None, _) if broker == REFUSING => (
            Cell::styled("refused", bad()),
            "a queue refuses what is published".to_owned(),
        ),
        (None, None) => (Cell::styled("no leader", bad()), format!("broker {broker}")),
        (None, Some(leader)) => {
            let asked = match relay.role.as_deref() {
                Some("leader") => String::new(),
                Some(role) => format!(" of the {role} that was asked"),
                None => String::new(),
            };
            (
                Cell::styled("publishing", if broker == "connected" { good() } else { warning() }),
                format!(
                    "broker{asked} {broker}, leader {} (epoch {})",
                    leader.holder, leader.epoch
                ),
            )
        }
    };
    if let Some(error) = &relay.last_error
        && relay.halted.is_none()
    {
        detail.push_str(&format!("; last error: {error}"));
    }
    [
        state,
        Cell::number(relay.position),
        Cell::number(relay.lag_events),
        Cell::new(detail),
    ]
}

fn queues(snapshot: &Snapshot) -> Table {
    let mut table = Table::new([
        Column::Left("QUEUE"),
        Column::Right("MESSAGES"),
        Column::Right("CONSUMERS"),
    ]);
    let views = snapshot
        .projections
        .iter()
        .filter_map(|(_, answer)| answer.understood());
    for queue in views.filter_map(|view| view.queue.as_ref()) {
        table.row([
            Cell::new(&queue.name),
            Cell::number(queue.messages),
            Cell::number(queue.consumers),
        ]);
    }
    table
}

fn trouble(problems: &[String]) -> String {
    let lines = problems.iter().map(|problem| format!("  {}", printable(problem)));
    let heading = bad().bold().apply_to("Not healthy:").to_string();
    std::iter::once(heading).chain(lines).collect::<Vec<_>>().join("\n")
}

/// A time in its largest unit.
pub(crate) fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds @ 7_200..=172_799 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn a_time_is_told_in_its_largest_unit() {
        let told = [-1, 0, 119, 120, 7_199, 7_200, 172_800].map(span);
        assert_eq!(told, ["0 s", "0 s", "119 s", "2 min", "119 min", "2 h", "2 days"]);
    }
}
