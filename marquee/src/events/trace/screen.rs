//! A trace for eyes.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::super::line::time;
use super::found::{Command, Event, Passed, Trace};
use crate::table::{Cell, Column, Table, printable};
use crate::terminal::{bad, dim};

/// The request, each of its commands, and each event's way.
pub(super) fn screen(trace: &Trace) -> String {
    let mut text = format!("Request {}", printable(&trace.request_id));
    for command in &trace.commands {
        // Writing to a string does not fail.
        let _ = write!(text, "\n\n{}\n\n{}", described(command), table(command));
    }
    let mut notes = notes(trace);
    if trace.truncated {
        notes.insert("There are more events than are shown.".to_owned());
    }
    for note in notes {
        let _ = write!(text, "\n\n{note}");
    }
    text
}

fn described(command: &Command) -> String {
    let known = |value: &Option<String>| value.as_deref().map_or("-".to_owned(), printable);
    let idempotency = match &command.idempotency {
        Some(recorded) => {
            let location = recorded.location.as_deref().unwrap_or_default();
            printable(&format!("answered {} {location}, recorded", recorded.status))
        }
        None => "no key, or forgotten".to_owned(),
    };
    format!(
        "Command {}\n  principal    {}\n  traceparent  {}\n  idempotency  {}",
        known(&command.causation_id),
        known(&command.principal),
        known(&command.traceparent),
        idempotency.trim_end(),
    )
}

fn table(command: &Command) -> Table {
    let mut columns = vec![
        Column::Right("POSITION"),
        Column::Left("STREAM"),
        Column::Left("EVENT"),
        Column::Left("RECORDED"),
        Column::Right("PUBLISHED"),
    ];
    let names = command
        .events
        .first()
        .map(|event| event.projections.iter().map(|one| one.name));
    columns.extend(names.into_iter().flatten().map(Column::Right));
    let mut table = Table::new(columns);
    for event in &command.events {
        table.row(cells(event));
    }
    table
}

fn cells(event: &Event) -> Vec<Cell> {
    let mut cells = vec![
        Cell::number(event.position),
        Cell::new(format!(
            "{}/{} #{}",
            event.aggregate_type, event.aggregate_id, event.sequence
        )),
        Cell::new(event.event_type.clone()),
        Cell::new(time(event.recorded_at)),
        passed(&event.published),
    ];
    cells.extend(event.projections.iter().map(|one| passed(&one.passed)));
    cells
}

fn passed(place: &Passed) -> Cell {
    match place {
        Passed::At { latency_ms, .. } => Cell::new(format!("+{latency_ms} ms").replace("+-", "-")),
        Passed::NotYet => Cell::new("not yet"),
        Passed::NoLongerKnown => Cell::styled("no longer known", dim()),
        Passed::NotForIt => Cell::styled("not for it", dim()),
        Passed::Parked { .. } => Cell::styled("parked", bad()),
        Passed::LogDiverged { .. } => Cell::styled("log diverged", bad()),
        Passed::NotAsked => Cell::styled("not asked", dim()),
        Passed::Unreachable { .. } => Cell::styled("not reachable", bad()),
    }
}

/// What the words of the table leave open, once each.
fn notes(trace: &Trace) -> BTreeSet<String> {
    let mut notes = BTreeSet::new();
    for event in trace.commands.iter().flat_map(|command| &command.events) {
        let relay = [("the relay's row", &event.published)];
        let places = event.projections.iter().map(|one| (one.name, &one.passed));
        for (name, place) in relay.into_iter().chain(places) {
            notes.extend(match place {
                Passed::NotAsked => Some(format!("{name}: its database's url is not given.")),
                Passed::Unreachable { reason } => Some(format!("{name}: {reason}.")),
                Passed::Parked { reason } => Some(format!("{name}: position {} is parked, {reason}.", event.position)),
                Passed::LogDiverged { checkpoint } => Some(format!(
                    "{name}: LOG_DIVERGED: its checkpoint at position {checkpoint} is of a history that the log does not have; what it \
                     did with this log's events cannot be told."
                )),
                Passed::At { latency_ms, .. } if *latency_ms < 0 => Some(format!(
                    "{name}: its database's clock is behind that of the event store."
                )),
                _ => None,
            });
        }
    }
    notes.into_iter().map(|note| printable(&note)).collect()
}
