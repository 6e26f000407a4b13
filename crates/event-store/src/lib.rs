//! The event store: append with group commit, load, and read the log. Owns all SQL on it.
//!
//! One table, `events`, is the log and the outbox. [`EventStore::execute`] decides a command and appends its events
//! through the [`Writer`]; [`LogReader`] reads the log in position order, which is commit order.

mod adopt;
mod append;
mod audit;
mod batch;
mod cache;
mod condition;
mod connect;
mod error;
mod excerpt;
mod execute;
mod idempotency;
mod landmark;
mod load;
mod log_reader;
mod metric;
mod migrate;
mod novelty;
mod origin;
mod place;
mod privileges;
mod relay_progress;
mod relay_state;
mod row;
mod standby;
mod state_tag;
mod store;
mod stream;
mod submission;
mod totals;
mod trace;
mod turns;
mod wake;
mod warnings;
mod writer;

pub use adopt::{AdoptError, Adoption, adopt, adopt_with_relay_at, plan_adoption};
pub use append::Guard;
pub use audit::{AuditError, AuditedPart, Finding, LogAudit, audit};
pub use condition::{Condition, FailedCondition, States};
pub use connect::Connect;
pub use error::{ExecuteError, StoreError};
pub use excerpt::{Excerpt, Share};
pub use execute::{CommandRequest, Outcome, Prepared};
pub use idempotency::{Idempotency, RecordedAnswer};
pub use load::Loaded;
pub use log_reader::{Head, LogError, LogReader};
pub use migrate::{MigrateError, ROLES, migrate};
pub use place::{Edges, Place};
pub use privileges::audit_privileges;
pub use relay_progress::{Leader, Published, RelayProgress};
pub use relay_state::{Lease, RelayCheckpoint, RelayState, RelayStateError};
pub use state_tag::{LogMark, StateTag};
pub use store::{EventStore, StoreConfig};
pub use stream::StreamPage;
pub use totals::KindTotal;
pub use trace::RecordedCommand;
pub use wake::{Hint, WAKE_CHANNEL};
pub use writer::{Writer, WriterConfig};
