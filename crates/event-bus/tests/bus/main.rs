//! The bus against the real broker, each test in a vhost of its own.

#![allow(clippy::panic, reason = "a helper that fails is a test that fails")]

mod blocked;
mod blocking_proxy;
mod event;
mod limits;
mod message_contract;
mod outside_consumer;
mod page;
mod publishing;
mod subscribing;
mod topics;
mod topology;
mod unrouted;
