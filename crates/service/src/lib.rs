//! What every service shares: configuration, telemetry, health, problem+json, graceful shutdown.

mod arguments;
mod body;
mod check;
mod context;
pub mod database;
mod decode;
mod documentation;
mod environment;
mod exit;
mod extract;
mod health;
mod http_metrics;
mod problem;
mod process;
mod secret;
mod serve;
mod shutdown;
mod task;
pub mod telemetry;
mod trace_context;

pub use arguments::{arguments, refuse_arguments};
pub use body::{BODY_BYTES_MAX, RawBody};
pub use check::Check;
pub use context::{RequestContext, principal};
pub use decode::Draft;
pub use documentation::{one_of, operations, problem_response};
pub use environment::{Environment, HoldsSecrets, Review, is_loopback};
pub use exit::{exit_code, exit_status, with_causes};
pub use extract::{FormOrJsonDraft, JsonBody, JsonDraft, Path, Query, query_values};
pub use problem::{FieldError, Problem};
pub use process::ProcessArgs;
pub use secret::Secret;
pub use serve::{Limits, ServeError, Service, serve, serve_within};
pub use shutdown::shutdown_on_signal;
pub use task::{BoxError, Task};
