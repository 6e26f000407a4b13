//! Commands of one process on one stream take turns: decided at once, all but one of them would be decided in vain.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use crate::error::StoreError;

/// Streams share turns by chance; enough that commands on different streams seldom wait for each other.
const TURNS: usize = 4096;

/// Hands out turns, first come first served. A bounded table of locks, whatever the number of streams.
#[derive(Clone, Debug)]
pub(crate) struct Turns {
    locks: Arc<[Mutex<()>]>,
    hasher: RandomState,
    wait_max: Duration,
}

impl Turns {
    pub(crate) fn new(wait_max: Duration) -> Self {
        let locks = std::iter::repeat_with(Mutex::default).take(TURNS).collect();
        Self {
            locks,
            hasher: RandomState::new(),
            wait_max,
        }
    }

    /// Waits for a stream's turn; it ends when the guard is dropped.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when those before do not come to an end in time.
    pub(crate) async fn take(&self, kind: &str, id: &str) -> Result<MutexGuard<'_, ()>, StoreError> {
        let stream = self.hasher.hash_one((kind, id)) as usize;
        let lock = &self.locks[stream % self.locks.len()];
        timeout(self.wait_max, lock.lock())
            .await
            .map_err(|_elapsed| StoreError::Busy)
    }
}
