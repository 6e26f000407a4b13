//! What happened when: told as it happens, and kept for the report.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::terminal::dim;

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Moment {
    /// Milliseconds since the run began.
    pub(crate) at_ms: u64,
    /// How long it took, of what takes time.
    pub(crate) lasted_ms: Option<u64>,
    pub(crate) what: String,
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    began: Instant,
    moments: Arc<Mutex<Vec<Moment>>>,
}

impl Timeline {
    pub(crate) fn start() -> Self {
        Self {
            began: Instant::now(),
            moments: Arc::default(),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Tells of a moment.
    pub(crate) fn tell(&self, what: impl Into<String>) {
        self.keep(what.into(), self.elapsed(), None);
    }

    /// Tells of something that began at `from`, as [`Self::elapsed`] has it, and is over now.
    pub(crate) fn tell_since(&self, from: Duration, what: impl Into<String>) {
        self.keep(what.into(), from, Some(self.elapsed().saturating_sub(from)));
    }

    #[expect(clippy::print_stderr, reason = "it is for who watches; the verdict is the answer")]
    fn keep(&self, what: String, at: Duration, lasted: Option<Duration>) {
        let lasting = lasted.map_or(String::new(), |lasted| format!(" ({:.1} s)", lasted.as_secs_f64()));
        eprintln!(
            "{} {what}{}",
            dim().apply_to(format!("{:7.1} s ", at.as_secs_f64())),
            dim().apply_to(lasting)
        );
        let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let moment = Moment {
            at_ms: milliseconds(at),
            lasted_ms: lasted.map(milliseconds),
            what,
        };
        self.moments.lock().unwrap_or_else(PoisonError::into_inner).push(moment);
    }

    pub(crate) fn moments(&self) -> Vec<Moment> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
