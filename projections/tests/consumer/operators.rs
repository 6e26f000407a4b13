//! What operators do, over HTTP: pause and resume, retry and discard, and what is shown and recorded of it.

mod asking;
mod concurrently;
mod discarding;
mod pausing;
mod random_order;
mod refusals;
mod retrying;
mod status;
