//! Aligned columns, for eyes: widths are those of the terminal's cells, so that names in any script line up.

use std::fmt;

use console::{Alignment, Style, measure_text_width, pad_str};

const GAP: &str = "  ";

/// A text and how it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

/// A column's head, and the side it is aligned to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column {
    Left(&'static str),
    Right(&'static str),
}

/// Rows of cells under a head.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self::styled(text, Style::new())
    }

    pub(crate) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: printable(&text.into()),
            style,
        }
    }

    /// A number with its thousands apart; `-` when it is not known.
    pub(crate) fn number(number: impl Into<Option<i64>>) -> Self {
        Self::new(number.into().map_or_else(|| "-".to_owned(), thousands))
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

impl Table {
    pub(crate) fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self {
            columns: columns.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; it has a cell for each column.
    pub(crate) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        self.rows.push(cells.into());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| measure_text_width(&cell.text)).max().unwrap_or(0);
        widest.max(measure_text_width(self.columns[column].head()))
    }
}

impl Column {
    fn head(self) -> &'static str {
        match self {
            Self::Left(head) | Self::Right(head) => head,
        }
    }

    fn alignment(self) -> Alignment {
        match self {
            Self::Left(_) => Alignment::Left,
            Self::Right(_) => Alignment::Right,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<usize> = (0..self.columns.len()).map(|column| self.width(column)).collect();
        let head: Vec<Cell> = self
            .columns
            .iter()
            .map(|column| Cell::styled(column.head(), Style::new().dim()))
            .collect();
        let lines = std::iter::once(&head).chain(&self.rows);
        for (number, cells) in lines.enumerate() {
            if number > 0 {
                formatter.write_str("\n")?;
            }
            // What is at a line's end is not padded, and nothing follows it.
            let last = cells.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
            for (place, cell) in cells.iter().enumerate().take(last + 1) {
                let column = self.columns[place];
                let width = match column {
                    Column::Left(_) if place == last => 0,
                    _ => widths[place],
                };
                let padded = pad_str(&cell.text, width, column.alignment(), None);
                let gap = if place == last { "" } else { GAP };
                write!(formatter, "{}{gap}", cell.style.apply_to(padded))?;
            }
        }
        Ok(())
    }
}

/// One line that a terminal shows as it is: what moves the cursor, changes colours or turns the direction of writing is
/// shown as a sign.
pub(crate) fn printable(text: &str) -> String {
    let turns = |one: char| matches!(one, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = |one: char| {
        if one.is_control() || turns(one) {
            '\u{fffd}'
        } else {
            one
        }
    };
    text.chars().map(shown).collect()
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", groups.join(","))
}

/// `1 event`, `1,234 events`.
pub(crate) fn count(number: i64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(number))
}

#[cfg(test)]
mod tests {
    use super::{Cell, Column, Table, count, printable, thousands};

    #[test]
    fn one_is_not_many() {
        let counted = [0, 1, 2_000].map(|number| count(number, "event"));
        assert_eq!(counted, ["0 events", "1 event", "2,000 events"]);
    }

    #[test]
    fn columns_line_up_whatever_script_they_are_in() {
        let mut table = Table::new([Column::Left("KEY"), Column::Right("N"), Column::Left("VALUE")]);
        table.row([Cell::new("東京"), Cell::number(1_234), Cell::new("x")]);
        table.row([Cell::new("café 2"), Cell::number(None), Cell::new("long value")]);
        assert_eq!(
            console::strip_ansi_codes(&table.to_string()),
            "KEY         N  VALUE\n東京    1,234  x\ncafé 2      -  long value"
        );
    }

    #[test]
    fn what_would_move_the_cursor_is_shown_as_a_sign() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
    }

    #[test]
    fn thousands_are_apart() {
        let shown: Vec<String> = [0, 999, 1_000, -1_234_567].map(thousands).into();
        assert_eq!(shown, ["0", "999", "1,000", "-1,234,567"]);
    }
}
