//! Names and limits of the message on the wire; `docs/message-contract.md` describes them.

/// `app_id` of every message of ours.
pub(crate) const APP_ID: &str = "marquee";
/// `content_type` of every message of ours.
pub(crate) const CONTENT_TYPE: &str = "application/json";
/// `type` of a watermark; an event's is its event type.
pub(crate) const WATERMARK_TYPE: &str = "watermark";
/// `delivery_mode` of a message that survives a restart of the broker.
pub(crate) const PERSISTENT: u8 = 2;

pub(crate) const LOG_ID: &str = "log_id";
pub(crate) const POSITION: &str = "position";
pub(crate) const SEQUENCE: &str = "sequence";
pub(crate) const EVENT_VERSION: &str = "event_version";
pub(crate) const CAUSATION_ID: &str = "causation_id";
pub(crate) const TRACEPARENT: &str = "traceparent";

pub(crate) const CLOUD_EVENTS_SPECVERSION: &str = "cloudEvents_specversion";
pub(crate) const CLOUD_EVENTS_ID: &str = "cloudEvents_id";
pub(crate) const CLOUD_EVENTS_SOURCE: &str = "cloudEvents_source";
pub(crate) const CLOUD_EVENTS_TYPE: &str = "cloudEvents_type";
pub(crate) const CLOUD_EVENTS_SUBJECT: &str = "cloudEvents_subject";
pub(crate) const CLOUD_EVENTS_TIME: &str = "cloudEvents_time";

/// The version of CloudEvents the attributes follow.
pub(crate) const CLOUD_EVENTS_VERSION: &str = "1.0";
/// The context in which the event ids are unique; the kind of stream stands behind it.
pub(crate) const CLOUD_EVENTS_CONTEXT: &str = "/marquee";

/// A body beyond this is not ours: commands are limited to 64 KiB, and a watermark has a few dozen keys.
pub(crate) const BODY_BYTES_MAX: usize = 1024 * 1024;
/// All headers of a message must fit into one frame, which has 32 KiB; an optional one beyond this is left out.
pub(crate) const OPTIONAL_HEADER_BYTES_MAX: usize = 4096;
