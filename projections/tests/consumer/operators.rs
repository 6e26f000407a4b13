//! What operators do, over HTTP: pause and resume, retry and discard, and what is shown and recorded of it.

pub(crate) mod asking;
mod concurrently;
mod discarding;
mod lost_sessions;
mod pausing;
mod random_order;
mod refusals;
mod retrying;
mod status;
