//! Rebuilds and rollbacks: another generation beside the live one, switched in when it is ready.
//!
//! States: loading -> indexing -> catching up -> verifying -> catching up -> switching -> succeeded; from each of them
//! failed, cancelled, interrupted.
//!
//! Guarantees: the live generation is not touched before the switch, and the switch is one transaction under the lock of the
//! projection's row. Positions do not go back by it, unless the log did. One operation per projection at a time, in whatever
//! process. However an operation ends, nothing of it is left, or it is removed by whoever starts next.
//!
//! Failure: an event that cannot be read or applied ends the operation, with its position; a rebuild parks nothing. When the
//! keeper's session is lost, the operation is lost.

pub(crate) mod compare;
pub(crate) mod engine;
pub(crate) mod events;
pub(crate) mod failure;
pub(crate) mod generations;
pub(crate) mod keeper;
pub(crate) mod operation;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod record;
pub(crate) mod routes;
pub(crate) mod run;
pub(crate) mod source;
pub(crate) mod start;
pub(crate) mod streams;
pub(crate) mod tables;
pub(crate) mod target;
pub(crate) mod task;
pub(crate) mod verification;
pub(crate) mod work;
