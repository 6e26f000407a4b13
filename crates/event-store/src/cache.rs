//! Aggregates as they were after their last known event, so that a command need not load its stream.
//!
//! An entry is never trusted for a decision that appends nothing: those are confirmed against the store. A decision
//! that appends is checked by the append itself, through the expected sequence.

use std::any::Any;
use std::sync::Arc;

use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::load::Loaded;

type Key = (Uuid, &'static str, String);

/// Bounded by a number of aggregates; the log's id is part of the key, since another log is another history.
#[derive(Clone, Debug)]
pub(crate) struct AggregateCache {
    entries: Arc<Cache<Key, Arc<dyn Any + Send + Sync>>>,
}

impl AggregateCache {
    pub(crate) fn new(aggregates_max: usize) -> Self {
        Self {
            entries: Arc::new(Cache::new(aggregates_max)),
        }
    }

    pub(crate) fn get<A: Send + Sync + 'static>(
        &self,
        log_id: Uuid,
        kind: &'static str,
        id: &str,
    ) -> Option<Loaded<A>> {
        let entry = self.entries.get(&(log_id, kind, id.to_owned()))?;
        entry.downcast_ref::<Loaded<A>>().cloned()
    }

    pub(crate) fn put<A: Send + Sync + 'static>(&self, log_id: Uuid, kind: &'static str, id: &str, entry: Loaded<A>) {
        self.entries.insert((log_id, kind, id.to_owned()), Arc::new(entry));
    }

    /// Forgets all, for the log may be another one than it was, by the same name.
    pub(crate) fn clear(&self) {
        self.entries.clear();
    }

    pub(crate) fn forget(&self, log_id: Uuid, kind: &'static str, id: &str) {
        self.entries.remove(&(log_id, kind, id.to_owned()));
    }
}
