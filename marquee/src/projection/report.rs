//! What a rebuild has done and found, for eyes.

use serde_json::Value;

use crate::projection::operation::{Operation, OperationError, Verification};
use crate::projection::summary::rate;
use crate::table::{Cell, Column, Table, count, printable, thousands};
use crate::terminal::{dim, good, warning};

/// A value longer than this is cut off; `--json` has all of it.
const VALUE_CHARACTERS_MAX: usize = 48;

/// How it ended, and what its verification has found.
pub(crate) fn report(operation: &Operation) -> String {
    let mut parts = vec![outcome(operation)];
    if let Some(verification) = &operation.verification {
        parts.extend(verified(verification));
    }
    parts.join("\n\n")
}

/// Why it did not end well, in one line.
pub(crate) fn failure(operation: &Operation) -> String {
    let title = operation.title();
    match (&operation.error, operation.state.as_str()) {
        (Some(error), "failed") => format!("the {title} failed: {}", because(error)),
        (_, "cancelled") => format!("the {title} was cancelled; what it made is removed"),
        (_, "interrupted") => format!("the {title} was interrupted; what it made is removed"),
        (_, state) => format!("the {title} ended: {}", printable(state)),
    }
}

fn because(error: &OperationError) -> String {
    let mut text = format!("{} ({}", error.detail, error.code);
    if let Some(position) = error.position {
        text.push_str(&format!(", position {position}"));
    }
    if let Some(event_type) = &error.event_type {
        text.push_str(&format!(", {event_type}"));
    }
    printable(&format!("{text})"))
}

fn outcome(operation: &Operation) -> String {
    let number = |generation: Option<i64>| generation.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let (new, old) = (number(operation.generation), number(operation.from_generation));
    let name = &operation.projection;
    let first = match (operation.succeeded(), operation.dry_run) {
        (false, _) => warning().apply_to(failure(operation)).to_string(),
        (true, true) => format!("{}; generation {old} stays live.", good().apply_to("Dry run done")),
        (true, false) => format!(
            "{} of {name}. Generation {old} is kept: marquee projections rollback {name}",
            good().apply_to(format!("Generation {new} is the live one"))
        ),
    };
    match work(operation) {
        Some(work) => format!("{first}\n{work}"),
        None => first,
    }
}

/// How much was done in which time; a rollback has hardly anything to do.
fn work(operation: &Operation) -> Option<String> {
    if operation.kind == "rollback" {
        return None;
    }
    let took = operation.finished_at? - operation.started_at?;
    let seconds = took.as_seconds_f64().max(0.001);
    let events = operation.events_done?;
    // No log is so long that its count is no longer exact.
    #[allow(clippy::cast_precision_loss)]
    let per_second = events as f64 / seconds;
    let (events, per_second) = (count(events, "event"), rate(per_second));
    Some(format!("{events} in {seconds:.1} s, {per_second} events/s."))
}

fn verified(verification: &Verification) -> Vec<String> {
    let mut tables = Table::new([
        Column::Left("TABLE"),
        Column::Right("ROWS"),
        Column::Left("CONTENT HASH"),
    ]);
    for table in &verification.tables {
        tables.row([
            Cell::new(&table.table),
            Cell::number(table.rows),
            Cell::styled(shown(&table.content_hash), dim()),
        ]);
    }
    let at = verification
        .position
        .map_or_else(String::new, |at| format!(" at position {}", thousands(at)));
    let streams = verification
        .streams_checked
        .map(|streams| format!(", {} against the log", count(streams, "stream")));
    let mut parts = vec![format!("Verified{at}{}:", streams.unwrap_or_default())];
    if !tables.is_empty() {
        parts.push(tables.to_string());
    }
    parts.push(compared(verification));
    parts
}

fn compared(verification: &Verification) -> String {
    let mut lines = Vec::new();
    for (columns, side) in [
        (&verification.columns_added, "Only the new generation has"),
        (&verification.columns_removed, "Only the live generation has"),
    ] {
        if !columns.is_empty() {
            let columns: Vec<String> = columns.iter().map(shown).collect();
            lines.push(format!("{side}: {}", columns.join(", ")));
        }
    }
    let total = verification.differences_total;
    match (verification.compared_with, &verification.not_compared_because) {
        (Some(live), _) if total == 0 => {
            lines.push(
                good()
                    .apply_to(format!("No differences from generation {live}."))
                    .to_string(),
            );
        }
        (Some(live), _) => {
            let shown = i64::try_from(verification.differences.len()).unwrap_or(i64::MAX);
            let first = if shown < total {
                format!(", the first {shown}")
            } else {
                String::new()
            };
            let heading = format!("{} from generation {live}{first}:", count(total, "difference"));
            lines.push(warning().apply_to(heading).to_string());
            lines.push(format!("\n{}", differences_of(verification)));
        }
        (None, Some(reason)) => lines.push(format!("Not compared with the live generation: {}", printable(reason))),
        (None, None) => {}
    }
    lines.join("\n")
}

fn differences_of(verification: &Verification) -> Table {
    let mut table = Table::new([
        Column::Left("TABLE"),
        Column::Left("KEY"),
        Column::Left("COLUMN"),
        Column::Left("OLD"),
        Column::Left("NEW"),
    ]);
    for difference in &verification.differences {
        table.row([
            Cell::new(&difference.table),
            Cell::new(shown(&difference.key)),
            Cell::new(difference.column.as_deref().unwrap_or("(row)")),
            value(&difference.old),
            value(&difference.new),
        ]);
    }
    table
}

fn value(value: &Value) -> Cell {
    if value.is_null() {
        Cell::styled("null", dim())
    } else {
        Cell::new(shown(value))
    }
}

/// A text as it is, anything else as JSON.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= VALUE_CHARACTERS_MAX {
        return text;
    }
    let kept: String = text.chars().take(VALUE_CHARACTERS_MAX - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{failure, report};

    fn told(operation: Value) -> String {
        let operation = serde_json::from_value(operation).expect("its shape");
        console::strip_ansi_codes(&report(&operation)).into_owned()
    }

    fn rebuilt() -> Value {
        json!({"projection": "movies", "kind": "rebuild", "state": "succeeded", "phase": null, "generation": 3,
            "from_generation": 2, "dry_run": false, "events_done": 5000, "events_total": 5000,
            "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:02Z",
            "verification": {"position": 5000, "tables": [{"table": "movies", "rows": 40, "content_hash": "9f"}],
                "streams_checked": 40, "compared_with": 2, "differences_total": 0, "differences": []}})
    }

    #[test]
    fn a_rebuild_is_told_with_what_was_verified() {
        assert_eq!(
            told(rebuilt()),
            "Generation 3 is the live one of movies. Generation 2 is kept: marquee projections rollback movies\n\
             5,000 events in 2.0 s, 2,500 events/s.\n\n\
             Verified at position 5,000, 40 streams against the log:\n\n\
             TABLE   ROWS  CONTENT HASH\nmovies    40  9f\n\n\
             No differences from generation 2."
        );
    }

    #[test]
    fn differences_are_told_by_key_and_column() {
        let mut operation = rebuilt();
        operation["dry_run"] = json!(true);
        operation["verification"]["columns_added"] = json!(["movies.rating"]);
        operation["verification"]["differences_total"] = json!(120);
        operation["verification"]["differences"] =
            json!([{"table": "movies", "key": "1", "column": "title", "old": "Alien", "new": null}]);
        let told = told(operation);
        assert!(told.starts_with("Dry run done; generation 2 stays live."), "{told}");
        let end = "Only the new generation has: movies.rating\n120 differences from generation 2, the first 1:\n\n\
                   TABLE   KEY  COLUMN  OLD    NEW\nmovies  1    title   Alien  null";
        assert!(told.ends_with(end), "{told}");
    }

    #[test]
    fn a_failure_is_told_with_the_event_that_it_stopped_at() {
        let operation = json!({"projection": "users", "kind": "rebuild", "state": "failed", "error":
            {"code": "EVENT_MALFORMED", "detail": "the payload is torn", "position": 7, "event_type": "user.created"}});
        let operation = serde_json::from_value(operation).expect("its shape");
        assert_eq!(
            failure(&operation),
            "the rebuild of users failed: the payload is torn (EVENT_MALFORMED, position 7, user.created)"
        );
    }
}
