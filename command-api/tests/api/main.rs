//! The command API from outside: HTTP in, events in a real PostgreSQL.

#![allow(clippy::unwrap_used, clippy::panic)]

mod cinemas;
mod conditional;
mod documentation;
mod harness;
mod idempotency;
mod log;
mod metadata;
mod movies;
mod shutdown;
mod start;
mod unavailable;
mod users;
mod wrong_input;
