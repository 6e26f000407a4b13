//! The projections in a table: a line each.

use console::Style;

use crate::api::Answer;
use crate::projection::view::ProjectionView;
use crate::status::span;
use crate::table::{Cell, Column, Table, thousands};
use crate::terminal::{bad, dim, good, warning};

/// Says so of what another address may serve.
pub(crate) const NOT_SERVED: &str = "not served at this address";

/// What is known of each.
pub(crate) fn table(projections: &[(&'static str, Answer<ProjectionView>)]) -> Table {
    let mut table = empty();
    for (name, answer) in projections {
        match answer {
            Answer::Given { understood, .. } => table.row(row(understood)),
            Answer::NotServed => table.row(without_answer(name, Cell::styled("-", dim()), NOT_SERVED)),
            Answer::Away(reason) => table.row(without_answer(name, Cell::styled("away", bad()), reason)),
        }
    }
    table
}

fn empty() -> Table {
    Table::new([
        Column::Left("PROJECTION"),
        Column::Left("STATE"),
        Column::Right("POSITION"),
        Column::Right("BEHIND"),
        Column::Right("EVENTS/S"),
        Column::Right("GENERATION"),
        Column::Right("PARKED"),
        Column::Left("REBUILD"),
    ])
}

fn row(view: &ProjectionView) -> Vec<Cell> {
    let generation = match (view.generation, view.version) {
        (Some(generation), Some(version)) => format!("{generation} (v{version})"),
        (Some(generation), None) => generation.to_string(),
        _ => "-".to_owned(),
    };
    let parked = match view.parked_streams {
        Some(parked) if parked > 0 => Cell::styled(thousands(parked), bad()),
        parked => Cell::number(parked),
    };
    vec![
        Cell::new(&view.name),
        Cell::styled(&view.state, style_of(&view.state)),
        Cell::number(view.position),
        behind(view),
        Cell::new(view.events_per_second.map_or_else(|| "-".to_owned(), rate)),
        Cell::new(generation),
        parked,
        rebuild(view),
    ]
}

fn without_answer(name: &str, state: Cell, reason: &str) -> Vec<Cell> {
    let mut row = vec![Cell::new(name), state];
    row.extend((0..5).map(|_| Cell::new("")));
    row.push(Cell::new(reason));
    row
}

/// Events, and how old the oldest of them is.
fn behind(view: &ProjectionView) -> Cell {
    match (view.lag_events, view.lag_seconds) {
        (Some(events), Some(seconds)) if events > 0 => {
            Cell::styled(format!("{}, {}", thousands(events), span(seconds)), warning())
        }
        (events, _) => Cell::number(events),
    }
}

fn rebuild(view: &ProjectionView) -> Cell {
    let Some(rebuild) = &view.rebuild else {
        return Cell::new("-");
    };
    if !rebuild.is_running() {
        let style = if rebuild.state == "succeeded" { dim() } else { warning() };
        return Cell::styled(format!("{} {}", rebuild.kind, rebuild.state), style);
    }
    let phase = rebuild.phase.as_deref().unwrap_or("starting").replace('_', " ");
    let percent = rebuild.percent.map(|percent| format!(" {percent:.0} %"));
    Cell::styled(
        format!("{} {phase}{}", rebuild.kind, percent.unwrap_or_default()),
        Style::new().cyan(),
    )
}

fn style_of(state: &str) -> Style {
    match state {
        "consuming" => good(),
        "waiting" => Style::new(),
        "healing" | "connecting" | "paused" => warning(),
        _ => bad(),
    }
}

/// Events a second, without decimals once they say nothing.
pub(crate) fn rate(events: f64) -> String {
    if events >= 10.0 {
        // A rate is far below what an i64 holds.
        #[allow(clippy::cast_possible_truncation)]
        let whole = events.round() as i64;
        thousands(whole)
    } else {
        format!("{events:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn a_high_rate_has_no_decimals() {
        assert_eq!([0.0, 3.25, 12_345.6].map(rate), ["0.0", "3.2", "12,346"]);
    }
}
