//! The figures for programs.

use crate::figure::Figure;

/// A list of `{part, metric, value, unit, yardstick, yardstick_value, ratio, bar, holds}`; values and ratios are medians.
pub(crate) fn text(figures: &[Figure]) -> serde_json::Result<String> {
    let rows: Vec<_> = figures.iter().map(Figure::row).collect();
    serde_json::to_string_pretty(&rows)
}
