//! The figures for a person at a terminal.

use comfy_table::{ContentArrangement, Table, presets};

use crate::figure::{Figure, Spread};

/// One row a figure; who used the processors stands below, for Marquee and for the yardstick.
pub(crate) fn text(figures: &[Figure]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(["part", "metric", "Marquee", "yardstick", "ratio", "bar", ""]);
    for figure in figures {
        let yardstick = figure.yardstick.as_ref();
        let mut ours = with_unit(figure.value, figure.unit);
        if let Some(cpu) = &figure.cpu {
            ours = format!("{ours}\n{cpu}");
        }
        let theirs = yardstick.map_or_else(String::new, |yardstick| {
            let value = with_unit(yardstick.value, figure.unit);
            let cpu = yardstick.cpu.map_or_else(String::new, |cpu| format!("\n{cpu}"));
            format!("{}: {value}{cpu}", yardstick.name)
        });
        table.add_row([
            figure.part.name().to_owned(),
            figure.metric.clone(),
            ours,
            theirs,
            yardstick.map_or_else(String::new, |yardstick| spread(yardstick.ratio)),
            figure.bar_text().unwrap_or_default(),
            verdict(figure).to_owned(),
        ]);
    }
    table.to_string()
}

pub(super) fn verdict(figure: &Figure) -> &'static str {
    match figure.holds() {
        Some(true) => "holds",
        Some(false) => "MISSED",
        None => "",
    }
}

pub(super) fn with_unit(value: Spread, unit: &str) -> String {
    format!("{} {unit}", spread(value))
}

/// Median, and the extremes where there are any.
pub(super) fn spread(spread: Spread) -> String {
    let Spread { min, median, max } = spread;
    if min == max {
        return number(median);
    }
    format!("{} ({}-{})", number(median), number(min), number(max))
}

/// Three digits at least, and no more than mean something.
fn number(value: f64) -> String {
    match value.abs() {
        1_000.0.. => thousands(value.round() as i64),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn thousands(value: i64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Spread, spread};

    #[test]
    fn a_number_has_as_many_digits_as_mean_something() {
        let alone = |value| spread(Spread::of([value]));
        assert_eq!(alone(1_234_567.8), "1,234,568");
        assert_eq!(
            (alone(123.4), alone(12.34), alone(1.234)),
            ("123".into(), "12.3".into(), "1.23".into())
        );
        assert_eq!(spread(Spread::of([1.0, 2.0, 3.0])), "2.00 (1.00-3.00)");
    }
}
