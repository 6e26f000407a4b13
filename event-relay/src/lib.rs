//! Publishes the log to RabbitMQ: in order, confirmed, at least once.
//!
//! [`Relay::run`] is the loop: it connects, stands by until the lease is its own, and publishes as the leader.

mod config;
mod error;
mod leadership;
mod log_tail;
pub mod metric_names;
mod publishing;
mod range;
mod relay;
mod resume;
mod routes;
mod saver;
mod serve;
mod status;
mod wake;
mod window;

pub use config::{RelayArgs, RelayConfig, RelayTuning};
pub use error::RelayError;
pub use relay::{CONNECTION_NAME, Relay};
pub use routes::RelayView;
pub use serve::{RunError, ServeArgs, run, service, service_waking};
pub use status::{Broker, Halt, RelayStatus, Role};
