//! HTTP in, events out: the command side of Marquee.
//!
//! A request becomes a command with its conditions ([`incoming`]), the event store decides and appends it
//! ([`execute`]), and the outcome becomes an answer ([`answer`]) or a problem ([`refusal`]). The routes stand in
//! [`users`], [`movies`] and [`cinemas`]; [`log`] tells where the log ends.

mod answer;
mod cinemas;
mod conditional;
mod config;
mod documentation;
mod execute;
mod idempotency;
mod incoming;
mod log;
mod metric;
mod movies;
mod refusal;
mod start;
mod users;
mod validation;

pub use config::{CommandApiArgs, CommandApiTuning};
pub use start::{RunError, StartError, run, service, service_waking};
