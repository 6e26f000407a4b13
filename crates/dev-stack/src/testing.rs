//! PostgreSQL and RabbitMQ for tests: shared servers, a database and a vhost per test, faults on demand.

mod database;
mod lease;
mod run;
mod servers;
mod vhost;

pub use database::TestDatabase;
pub use servers::{Servers, for_tests};
pub use vhost::{Binding, Exchange, Queue, TestVhost};
