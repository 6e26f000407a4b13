//! Independent projections: RabbitMQ in, read models and their queries out.
//!
//! Each projection has its own database, queue and bindings, and can be served alone. [`Projection`] is what a
//! read model brings; everything else here is the same for all of them: the [`consumer`] that applies what a
//! watermark has closed, the projection's row with its checkpoint and live [`Generation`], the parking of events
//! that cannot be applied, the waiting of [`Reads`] for a position, and `GET /projections`.

mod actions;
mod apply;
mod args;
mod attendance;
mod bulk;
mod catalog;
pub mod consumer;
mod control;
mod diverged;
mod generation;
mod heal;
mod inspect;
mod metric;
mod migrate;
mod movies;
mod operated;
mod operator;
mod parameters;
mod parked;
mod patience;
mod pause;
mod privileges;
mod projection;
mod range;
mod reads;
mod reason;
mod rebuild;
mod refusal;
mod row;
mod search;
mod serve;
mod status;
mod today;
mod users;
mod verify;

pub use apply::failure::ApplyError;
pub use args::{ConsumerArgs, Name, ProjectionsArgs};
pub use bulk::BulkLoad;
pub use catalog::Catalog;
pub use control::Paused;
pub use generation::Generation;
pub use inspect::{Applied, Inspector, ParkedStream, Reached};
pub use migrate::{MigrateError, migrate};
pub use movies::Movies;
pub use privileges::WrongPrivilege;
pub use projection::{Projection, Recorded, StreamTable};
pub use reads::answer::Answer;
pub use reads::cursor::Cursor;
pub use reads::page::{Limit, Page};
pub use reads::wanted::ReadWanted;
pub use reads::{Read, ReadPosition, Reads};
pub use rebuild::operation::{Operation, OperationError, OperationKind, OperationState, Phase};
pub use rebuild::verification::{Difference, TableContent, Verification};
pub use serve::{RunError, ServeArgs, Served, ServiceError, run, service};
pub use status::{ProjectionStatus, QueueStatus, RebuildSummary, RetiredGeneration, State};
pub use users::Users;
pub use verify::{Audit, AuditError, verify};
