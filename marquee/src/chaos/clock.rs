//! A clock of its own for a service, which can be set: by a library that is preloaded and reads the offset from a file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The clock of a service.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    library: PathBuf,
    offset: PathBuf,
}

impl Clock {
    /// A clock that goes right, and is set by a file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn new(library: &Path, offset: PathBuf) -> io::Result<Self> {
        let clock = Self {
            library: library.to_owned(),
            offset,
        };
        clock.set(0)?;
        Ok(clock)
    }

    /// What makes a process look at it; timers, which do not ask for the time of day, stay as they are.
    pub(crate) fn environment(&self) -> [(String, String); 4] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.offset.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// Sets it so many seconds fast, or slow.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn set(&self, seconds: i64) -> io::Result<()> {
        let new = self.offset.with_extension("new");
        fs::write(&new, format!("{seconds:+}\n"))?;
        fs::rename(new, &self.offset)
    }
}
