//! The relay against the real event store and the real broker: what is delivered, whatever fails.

#![allow(clippy::panic, reason = "a helper that fails is a test that fails")]

#[path = "../../../crates/event-bus/tests/bus/blocking_proxy.rs"]
mod blocking_proxy;
mod delivery;
mod faults;
mod halting;
mod leadership;
mod lease;
mod listener;
mod outside;
mod routes;
mod scene;
mod watermarks;
