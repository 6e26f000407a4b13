//! What the projections log while a test runs, of whatever level; the test has one thread for all its tasks.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::sync::Once;

use tracing_subscriber::EnvFilter;

thread_local! {
    /// What was logged on this thread; none when nobody wants it.
    static WRITTEN: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// The lines of this thread so far.
pub(crate) struct LogLines(());

impl LogLines {
    /// Takes all lines from now on.
    pub(crate) fn begin() -> Self {
        static ONCE: Once = Once::new();
        // One for all threads: whether a place in the code is listened to is decided by the thread that comes there first.
        ONCE.call_once(|| {
            tracing_subscriber::fmt()
                .with_env_filter(EnvFilter::new("projections=debug"))
                .with_ansi(false)
                .with_writer(|| Writer)
                .init();
        });
        WRITTEN.set(Some(Vec::new()));
        Self(())
    }

    /// Counts the lines that hold one of the texts, and the level.
    pub(crate) fn count(&self, texts: &[&str], level: &str) -> usize {
        let text = self.to_string();
        let lines = text.lines().filter(|line| line.contains(level));
        lines
            .filter(|line| texts.iter().any(|text| line.contains(text)))
            .count()
    }
}

impl fmt::Display for LogLines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = WRITTEN.with_borrow(|written| written.clone().unwrap_or_default());
        formatter.write_str(&String::from_utf8_lossy(&written))
    }
}

impl Drop for LogLines {
    fn drop(&mut self) {
        WRITTEN.set(None);
    }
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow_mut(|written| written.as_mut().map(|written| written.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
