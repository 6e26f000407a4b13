//! An audit of the event store at rest: everything that must always hold, checked in one snapshot.
//!
//! States: positions and events (one walk over the log) -> streams -> relay -> idempotency keys -> protection.
//! Guarantees: it changes nothing, holds a few hundred events at a time, and goes on after what it finds: a finding is
//! counted in full and shown with its first places.
//! Failure: what the role of the connection may not read is a finding too, for it has not been checked.

mod events;
mod rest;

use std::collections::HashSet;

use domain::Position;
use serde::Serialize;
use sqlx::{Acquire, Executor, PgConnection};
use uuid::Uuid;

/// Places that are shown of one finding.
const PLACES_MAX: i64 = 10;

/// Why the audit could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database refused or did not answer.
    #[error("the event store's database failed")]
    Database(#[from] sqlx::Error),
}

/// What is wrong, or could not be checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable, `UPPER_SNAKE`.
    pub code: &'static str,
    /// What it is, in words that fit one of them.
    pub what: String,
    /// Where, at most ten places.
    pub places: Vec<String>,
    /// How many there are.
    pub count: i64,
    /// Nothing is known to be wrong, and nothing to be right.
    pub unchecked: bool,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditedPart {
    /// `events`, `streams`, `relay`, `idempotency keys`, `protection`, `privileges`.
    pub name: &'static str,
    /// What was looked at, in words.
    pub checked: String,
    /// Empty when all is well.
    pub findings: Vec<Finding>,
}

/// What the audit found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogAudit {
    /// Identity of the log.
    pub log_id: Uuid,
    /// Where the log ended when the audit began.
    pub head: Position,
    /// What was checked.
    pub parts: Vec<AuditedPart>,
}

impl Finding {
    pub(crate) fn violation(code: &'static str, what: impl Into<String>) -> Self {
        Self {
            code,
            what: what.into(),
            places: Vec::new(),
            count: 0,
            unchecked: false,
        }
    }

    pub(super) fn unchecked(code: &'static str, what: impl Into<String>) -> Self {
        Self {
            unchecked: true,
            ..Self::violation(code, what)
        }
    }

    /// Counts `count` more, and shows the place if few were shown before.
    pub(crate) fn at(&mut self, place: impl Into<String>, count: i64) {
        self.count += count;
        if self.places.len() < PLACES_MAX as usize {
            self.places.push(place.into());
        }
    }
}

/// Audits an event store. A malformed event of `discarded` is no finding: operators have decided to pass over it. `progress` is told after every few hundred events how many are done, and where the log ends.
///
/// The connection needs a role that may read the log and, to check everything, the relay's row and the idempotency keys,
/// such as `marquee_event_relay`.
///
/// # Errors
/// [`AuditError::Database`]: then nothing is known.
pub async fn audit(
    connection: &mut PgConnection,
    discarded: &HashSet<Uuid>,
    progress: &(dyn Fn(Position, Position) + Send + Sync),
) -> Result<LogAudit, AuditError> {
    let mut tx = connection.begin().await?;
    tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await?;
    // For a long log; a server that is gone is found out by the connection's own bounds.
    tx.execute("SET LOCAL statement_timeout = '1h'").await?;
    let (log_id, head): (Uuid, i64) = sqlx::query_as(
        "SELECT log_id, coalesce((SELECT position FROM events ORDER BY position DESC LIMIT 1), 0) FROM log",
    )
    .fetch_one(&mut *tx)
    .await?;
    let head = Position(head);
    let parts = vec![
        events::audit(&mut tx, head, discarded, progress).await?,
        rest::streams(&mut tx).await?,
        rest::relay(&mut tx, head).await?,
        rest::idempotency_keys(&mut tx, head).await?,
        rest::protection(&mut tx).await?,
    ];
    tx.rollback().await?;
    Ok(LogAudit { log_id, head, parts })
}
