//! A process of services, seen from outside over HTTP.

#![allow(clippy::unwrap_used, clippy::panic)]

mod errors;
mod harness;
mod health;
mod lifecycle;
mod requests;
