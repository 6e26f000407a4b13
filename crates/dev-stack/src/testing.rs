//! PostgreSQL and RabbitMQ for tests: shared servers, a database and a vhost per test, faults on demand.

mod cluster;
mod database;
mod home;
mod lease;
mod pages;
mod pooler;
mod private;
mod run;
mod servers;
mod vhost;

pub use cluster::PrivateRabbitCluster;
pub use database::TestDatabase;
pub use home::TestHome;
pub use pages::pages_touched;
pub use pooler::PrivatePooler;
pub use private::{PrivatePostgres, PrivateRabbit, TlsIdentity};
pub use servers::{Servers, for_tests};
pub use vhost::{Binding, Exchange, Permissions, Queue, TestVhost};
