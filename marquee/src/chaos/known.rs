//! What is known to be there: resources that commands were acknowledged to have created, in a log that operators may put back.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;

/// Paths of resources, each with a position by which it was there; and where the log ended after each restore.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Facts>);

#[derive(Debug, Default)]
struct Facts {
    resources: Vec<(String, i64)>,
    restored: Vec<i64>,
}

impl Known {
    pub(crate) fn add(&self, path: String, position: i64) {
        self.facts().resources.push((path, position));
    }

    /// Any one of them.
    pub(crate) fn any(&self, rng: &mut ChaCha8Rng) -> Option<(String, i64)> {
        self.facts().resources.choose(rng).cloned()
    }

    /// The log ends here again: what came behind it is not there any more.
    pub(crate) fn is_restored_to(&self, head: i64) {
        let mut facts = self.facts();
        facts.resources.retain(|(_, position)| *position <= head);
        facts.restored.push(head);
    }

    /// How often the log was put back. What was seen before is of another history.
    pub(crate) fn history(&self) -> usize {
        self.facts().restored.len()
    }

    /// Where the log ended after each restore.
    pub(crate) fn restored(&self) -> Vec<i64> {
        self.facts().restored.clone()
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
