//! Finds or starts PostgreSQL and RabbitMQ for a developer's machine and for tests.

mod account;
mod amqp_probe;
mod binaries;
mod error;
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
pub mod testing;
mod url_text;

pub use error::{Server, StartError};
pub use testing::{Servers, TestDatabase, TestVhost, for_tests};
