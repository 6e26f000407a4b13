//! What is known to be there: resources that commands were acknowledged to have created.

use std::sync::{Mutex, PoisonError};

use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;

/// Paths of resources, each with a position by which it was there.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Vec<(String, i64)>>);

impl Known {
    pub(crate) fn add(&self, path: String, position: i64) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((path, position));
    }

    /// Any one of them.
    pub(crate) fn any(&self, rng: &mut ChaCha8Rng) -> Option<(String, i64)> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .choose(rng)
            .cloned()
    }
}
