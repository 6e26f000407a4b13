//! Finds or starts PostgreSQL and RabbitMQ for a developer's machine and for tests.

mod account;
mod amqp_probe;
mod binaries;
mod container_server;
mod docker;
mod error;
mod given;
mod home;
mod install;
mod instance;
mod management;
mod place;
mod ports;
mod postgres;
mod process;
mod rabbit;
mod sources;
mod stack;
pub mod testing;
mod url_text;

pub use error::{Server, StartError, with_causes};
pub use stack::{DevStack, Options};
pub use testing::{CutProxy, PrivatePostgres, PrivateRabbit, Servers, TestDatabase, TestHome, TestVhost, for_tests};
