//! The whole path: from POST over the log and the bus to the query, in good times and bad.
#![allow(clippy::panic)]

mod article;
mod broker;
mod catalog;
mod database;
mod outside_consumer;
mod rebuild;
mod restart;
mod slow_projection;
