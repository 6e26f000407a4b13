//! Names of the event store's metrics.

/// Commands appended, by `outcome`.
pub(crate) const APPEND_COMMANDS: &str = "marquee_append_commands_total";
/// Events appended.
pub(crate) const APPEND_EVENTS: &str = "marquee_append_events_total";
/// Commands per call of the append function.
pub(crate) const APPEND_BATCH_COMMANDS: &str = "marquee_append_batch_commands";
/// Seconds from sending a batch to its answer, resubmissions included.
pub(crate) const APPEND_BATCH_SECONDS: &str = "marquee_append_batch_seconds";
/// Batches sent again because the connection failed before their answer came.
pub(crate) const APPEND_RESUBMISSIONS: &str = "marquee_append_resubmissions_total";
/// Commands refused because the writer's queue was full.
pub(crate) const APPEND_REFUSED: &str = "marquee_append_queue_full_total";
/// Commands decided on a cached aggregate.
pub(crate) const CACHE_HITS: &str = "marquee_aggregate_cache_hits_total";
/// Commands whose aggregate had to be loaded.
pub(crate) const CACHE_MISSES: &str = "marquee_aggregate_cache_misses_total";
