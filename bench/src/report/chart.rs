//! A chart a part: what Marquee does beside what its yardstick does, each figure on a scale of its own.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use service::BoxError;

use super::table::{verdict, with_unit};
use crate::args::Part;
use crate::figure::{Bar, Figure, Spread};

const WIDTH: u32 = 960;
const TITLE_HEIGHT: u32 = 44;
const FIGURE_HEIGHT: u32 = 84;
const BAR_HEIGHT: i32 = 20;
const LEFT: i32 = 24;
const BAR_WIDTH_MAX: i32 = 560;
const OURS: RGBColor = RGBColor(0xb0, 0x1e, 0x3c);
const THEIRS: RGBColor = RGBColor(0x9a, 0xa0, 0xa6);
const TEXT: RGBColor = RGBColor(0x20, 0x24, 0x28);
const FONT: &str = "sans-serif";

/// Draws the figures of a part.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn draw(path: &Path, part: Part, figures: &[&Figure]) -> Result<(), BoxError> {
    let count = u32::try_from(figures.len())?;
    let height = TITLE_HEIGHT + FIGURE_HEIGHT * count;
    let root = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw_text(part.name(), &style(20), (LEFT, 12))?;
    let mut top = i32::try_from(TITLE_HEIGHT)?;
    for figure in figures {
        let title = match (figure.bar_text(), figure.bar) {
            (Some(bar), Bar::AtLeast(_) | Bar::AtMost(_)) => {
                format!("{}   must be {bar}: {}", figure.metric, verdict(figure))
            }
            _ => figure.metric.clone(),
        };
        root.draw_text(&title, &style(14), (LEFT, top))?;
        let yardstick = figure.yardstick.as_ref();
        let largest = yardstick.map_or(figure.value.median, |yardstick| {
            yardstick.value.median.max(figure.value.median)
        });
        let mut bars = vec![("Marquee", figure.value, OURS)];
        bars.extend(yardstick.map(|yardstick| (yardstick.name.as_str(), yardstick.value, THEIRS)));
        for (row, (name, value, color)) in bars.into_iter().enumerate() {
            let y = top + 20 + i32::try_from(row)? * (BAR_HEIGHT + 4);
            let x = LEFT + length(value, largest);
            root.draw(&Rectangle::new([(LEFT, y), (x, y + BAR_HEIGHT)], color.filled()))?;
            let label = format!("{name}: {}", with_unit(value, figure.unit));
            let anchored = style(13).pos(Pos::new(HPos::Left, VPos::Center));
            root.draw_text(&label, &anchored, (x + 8, y + BAR_HEIGHT / 2))?;
        }
        top += i32::try_from(FIGURE_HEIGHT)?;
    }
    root.present()?;
    Ok(())
}

fn length(value: Spread, largest: f64) -> i32 {
    let share = if largest > 0.0 { value.median / largest } else { 0.0 };
    (share * f64::from(BAR_WIDTH_MAX)).round() as i32
}

fn style(size: i32) -> TextStyle<'static> {
    TextStyle::from((FONT, size).into_font()).color(&TEXT)
}
