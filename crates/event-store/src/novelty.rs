//! Whether a stream that this process has not seen has any events: guessed from the last ones that it had not seen.
//!
//! Who creates streams all the time need not load each of them to find nothing; who works on old streams that the cache has
//! lost had better load them than try in vain. A guess is never trusted: the append checks it through the expected sequence.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// How many surprises it takes at most to change the guess.
const MEMORY: i32 = 32;

/// What was found out of unseen streams: above zero more of them were new than old. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Novelty(Arc<AtomicI32>);

impl Novelty {
    /// Whether the next unseen stream is likely to have no events.
    pub(crate) fn is_likely(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= 0
    }

    /// Remembers whether an unseen stream had no events. Of two at once one may be forgotten: it is a guess.
    pub(crate) fn found(&self, is_new: bool) {
        let before = self.0.load(Ordering::Relaxed);
        let after = if is_new { before + 1 } else { before - 1 };
        self.0.store(after.clamp(-MEMORY, MEMORY), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{MEMORY, Novelty};

    #[test]
    fn what_was_found_most_is_likely_and_surprises_change_it_in_bounded_time() {
        let novelty = Novelty::default();
        assert!(novelty.is_likely(), "at first");
        novelty.found(false);
        assert!(!novelty.is_likely());
        for _ in 0..1_000 {
            novelty.found(true);
        }
        assert!(novelty.is_likely());
        for _ in 0..=MEMORY {
            novelty.found(false);
        }
        assert!(!novelty.is_likely());
    }
}
