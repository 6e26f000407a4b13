//! Finds or starts PostgreSQL and RabbitMQ for a developer's machine and for tests.
//!
//! This crate knows servers and nothing of what is kept in them. Each server comes from the first source that works: a
//! url that was given; programs on this machine, run as private instances on free loopback ports; a Docker engine; the
//! packages of Debian or Ubuntu, installed without starting any service. No server of the system is ever touched.
//!
//! Every private process carries the directory of its server in its environment, so that its next owner, and the
//! watchdog of a test run, find it after a `kill -9`. Linux only, but for given urls.

mod account;
mod amqp_probe;
mod binaries;
mod container_server;
mod cut_proxy;
mod docker;
mod error;
mod given;
mod home;
mod install;
mod instance;
mod management;
mod place;
mod pooler;
mod ports;
mod postgres;
mod process;
mod rabbit;
mod sources;
mod stack;
pub mod testing;
mod url_text;

pub use cut_proxy::{CutProxy, Direction};
pub use error::{Server, StartError, with_causes};
pub use home::default_home;
pub use install::fake_time_library;
pub use instance::Outage;
pub use pooler::{PoolMode, Pooler};
pub use ports::ReservedPort;
pub use process::signal;
pub use stack::{DevStack, Options, private_directory};
pub use testing::{
    Permissions, PrivatePooler, PrivatePostgres, PrivateRabbit, PrivateRabbitCluster, Servers, TestDatabase, TestHome,
    TestVhost, TlsIdentity, for_tests, pages_touched,
};
