//! Names of the metrics and their labels.

/// Label: the projection's name.
pub(crate) const PROJECTION: &str = "projection";
/// Label: why a range was read from the log.
pub(crate) const REASON: &str = "reason";

/// Counter: events applied, healed ones included.
pub(crate) const EVENTS_APPLIED: &str = "marquee_projection_events_applied_total";
/// Counter: closed ranges applied, healed ones included.
pub(crate) const RANGES_APPLIED: &str = "marquee_projection_ranges_applied_total";
/// Counter: ranges that had to be read from the log, by reason. Anything but `start` deserves an alarm.
pub(crate) const RANGES_HEALED: &str = "marquee_projection_ranges_healed_total";
/// Counter: events applied from the log, by reason.
pub(crate) const EVENTS_HEALED: &str = "marquee_projection_events_healed_total";
/// Counter: deliveries that were held or applied already.
pub(crate) const DUPLICATES: &str = "marquee_projection_duplicates_total";
/// Counter: messages that are not ours, not readable, or of another log.
pub(crate) const FOREIGN_MESSAGES: &str = "marquee_projection_foreign_messages_total";
/// Counter: queues without a leader that were deleted and declared again.
pub(crate) const QUEUES_REPLACED: &str = "marquee_projection_queues_replaced_total";
/// Counter: events parked.
pub(crate) const EVENTS_PARKED: &str = "marquee_projection_events_parked_total";
/// Gauge: streams parked in the live generation.
pub(crate) const STREAMS_PARKED: &str = "marquee_projection_parked_streams";
/// Gauge: 1 while the consumer cannot go on by itself (held, another version, a diverged log).
pub(crate) const HELD: &str = "marquee_projection_held";
/// Counter: attempts that failed and are tried again.
pub(crate) const ATTEMPTS_FAILED: &str = "marquee_projection_attempts_failed_total";
/// Gauge: events between the checkpoint and the log's head.
pub(crate) const LAG_EVENTS: &str = "marquee_projection_lag_events";
/// Gauge: age in seconds of the oldest event that is not applied yet; 0 when there is none.
pub(crate) const LAG_SECONDS: &str = "marquee_projection_lag_seconds";
/// Histogram: seconds that a transaction took, failed ones included.
pub(crate) const COMMIT_SECONDS: &str = "marquee_projection_commit_duration_seconds";
/// Gauge: 1 while a rebuild or a rollback runs in this process.
pub(crate) const REBUILD_RUNNING: &str = "marquee_projection_rebuild_running";
/// Counter: positions of the log that rebuilds and rollbacks have gone through.
pub(crate) const REBUILD_EVENTS: &str = "marquee_projection_rebuild_events_total";
/// Counter: rebuilds and rollbacks that have ended, by state.
pub(crate) const REBUILDS: &str = "marquee_projection_rebuilds_total";
/// Label: how a rebuild or a rollback ended.
pub(crate) const STATE: &str = "state";
