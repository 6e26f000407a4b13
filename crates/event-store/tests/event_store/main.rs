//! The event store against a real PostgreSQL.
#![allow(clippy::unwrap_used, clippy::panic)]

mod adopt;
mod append_only;
mod audit;
mod concurrency;
mod conflict;
mod connection;
mod creation;
mod decay;
mod divergence;
mod durability;
mod idempotency;
mod plan;
mod queue;
mod read;
mod refusal;
mod setup;
mod standby;
mod trace;
