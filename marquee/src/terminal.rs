//! The terminal: its colours, a screen that is drawn again in place, and the wish to stop.

use std::io::{self, IsTerminal, Write, stdout};

use console::{Style, Term, truncate_str};

/// The other screen, without a cursor; what was on the terminal comes back when it is left.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const CLEAR_TO_LINE_END: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

pub(crate) fn good() -> Style {
    Style::new().green()
}

pub(crate) fn warning() -> Style {
    Style::new().yellow()
}

pub(crate) fn bad() -> Style {
    Style::new().red()
}

pub(crate) fn dim() -> Style {
    Style::new().dim()
}

/// Writes the answer of a command. Who reads it no longer, as `head` does, needs no more of it.
///
/// # Errors
/// It cannot be written for another reason.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.write_all(b"\n"))
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        written => written,
    }
}

/// A screen that is drawn again and again; the terminal is as it was before when it is dropped.
pub(crate) struct Screen(Term);

impl Screen {
    /// Takes the terminal; none when the answer goes elsewhere.
    pub(crate) fn open() -> Option<Self> {
        stdout().is_terminal().then(|| {
            let term = Term::stdout();
            // A terminal that is gone shows nothing.
            let _ = term.write_str(ENTER);
            Self(term)
        })
    }

    /// Draws it anew in one write, so that it does not flicker; what does not fit is cut off.
    pub(crate) fn draw(&self, text: &str) -> io::Result<()> {
        let (height, width) = self.0.size();
        let mut frame = HOME.to_owned();
        let rows = usize::from(height);
        for (row, line) in text.lines().take(rows).enumerate() {
            if row > 0 {
                frame.push_str("\r\n");
            }
            frame.push_str(&truncate_str(line, usize::from(width), "…"));
            frame.push_str(CLEAR_TO_LINE_END);
        }
        frame.push_str(CLEAR_BELOW);
        self.0.write_str(&frame)?;
        self.0.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.0.write_str(LEAVE);
        let _ = self.0.flush();
    }
}
