//! The audit of a read model: is every row what the log says.
//!
//! The log is replayed into temporary tables, in one transaction that sees the live generation as it is at one checkpoint and
//! that is rolled back: nothing of it is ever seen by anybody else.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use event_store::LogReader;
use futures::StreamExt;
use serde::Serialize;
use service::database::{self, PoolOptions};
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::control::{self, Checkpoint, Row};
use crate::rebuild::compare::compare;
use crate::rebuild::failure::Failure;
use crate::rebuild::generations::Standing;
use crate::rebuild::operation::OperationError;
use crate::rebuild::source::{self, Source};
use crate::rebuild::target::Target;
use crate::rebuild::verification::Verification;
use crate::{Generation, Served};

/// Positions that are applied at once.
const RANGE_POSITIONS_MAX: i64 = 5_000;
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The transaction waits for the log.
const IDLE_TIMEOUT_MS: u64 = 120_000;
const LOG_STATEMENT_TIMEOUT: Duration = Duration::from_secs(25);

/// What an audit of a read model has found.
#[derive(Clone, Debug, Serialize)]
pub struct Audit {
    /// The projection.
    pub projection: &'static str,
    /// The live generation that was audited.
    pub generation: i64,
    /// The version of the code that made it, which is this code's.
    pub version: i32,
    /// The checkpoint it was audited at.
    pub position: i64,
    /// Streams with parked events, which were compared as they are without these.
    pub parked_streams: i64,
    /// Parked events, which were left out.
    pub parked_events: usize,
    /// Events that operators have discarded, which were passed over.
    pub discarded_events: usize,
    /// The tables as the log makes them, and in what the live ones (`old`) differ from them (`new`).
    pub comparison: Verification,
}

impl Audit {
    /// Tells whether the read model is what the log says, parked events aside.
    pub fn is_sound(&self) -> bool {
        let comparison = &self.comparison;
        comparison.differences_total == 0
            && comparison.columns_added.is_empty()
            && comparison.columns_removed.is_empty()
    }
}

/// Why a read model could not be audited.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is none yet.
    #[error("there is no read model yet")]
    NoReadModel,
    /// Other code made the live generation.
    #[error(
        "the live generation was made by version {version} (bindings {binding_version}) of the projection, not by this one"
    )]
    VersionMismatch {
        /// Its version.
        version: i32,
        /// Version of the bindings that fed it.
        binding_version: i32,
    },
    /// The checkpoint is not in the log.
    #[error("LOG_DIVERGED: the event of the checkpoint, position {position}, is not in the log")]
    LogDiverged {
        /// The checkpoint.
        position: i64,
    },
    /// The log cannot be replayed up to the checkpoint.
    #[error("{code}: {detail}", code = .0.code, detail = .0.detail)]
    Replay(OperationError),
    /// The read model's database refused or could not be reached.
    #[error("the read model's database failed")]
    Database(#[from] sqlx::Error),
}

impl From<Failure> for AuditError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Database(error) => Self::Database(error),
            other => Self::Replay(other.error()),
        }
    }
}

/// Compares the live generation with what the log says up to its checkpoint. Changes nothing, and may run beside everything
/// else; it takes as long as reading the whole log does.
///
/// # Errors
/// [`AuditError`].
pub async fn verify(served: &Served) -> Result<Audit, AuditError> {
    let options = database::connect_options(&served.database_url, "marquee-verify").options([
        ("statement_timeout", 0),
        ("idle_in_transaction_session_timeout", IDLE_TIMEOUT_MS),
    ]);
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await;
    let timed_out = |_elapsed| AuditError::Database(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
    let mut connection = connecting.map_err(timed_out)??;
    let mut tx = connection.begin().await?;
    tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
    let audit = audit(&mut tx, served).await?;
    tx.rollback().await?;
    // Nothing depends on how it ends.
    let _: Result<(), sqlx::Error> = connection.close().await;
    Ok(audit)
}

async fn audit(tx: &mut PgConnection, served: &Served) -> Result<Audit, AuditError> {
    let projection = &served.projection;
    let name = projection.name();
    let live = control::load(tx, name).await?.ok_or(AuditError::NoReadModel)?;
    if !live.is_of(&**projection) {
        return Err(AuditError::VersionMismatch {
            version: live.version,
            binding_version: live.binding_version,
        });
    }
    let log = log(served);
    let position = live.checkpoint.position;
    let place = log.place(position).await.map_err(Failure::from)?;
    if place.event_id != live.checkpoint.event_id {
        return Err(AuditError::LogDiverged { position: position.0 });
    }
    let discarded = source::discarded(tx, name).await?;
    let parked = parked(tx, &live).await?;
    let (discarded_events, parked_events) = (discarded.len(), parked.len());
    let source = Source::new(Arc::clone(projection), log, place.log_id, discarded, true).without(parked);
    let target = Target {
        projection: Arc::clone(projection),
        generation: Generation::temporary(name),
        standing: Standing::Building,
    };
    // Whoever creates with the temporary schema first on the search path creates there.
    tx.execute("SET LOCAL search_path = pg_temp, public").await?;
    tx.execute(projection.schema()).await?;
    let mut at = Checkpoint::default();
    let mut ranges = source.ranges(at.position, position, RANGE_POSITIONS_MAX);
    while let Some(range) = ranges.next().await {
        let range = range?;
        range.expect_behind(&at)?;
        target.replay(tx, &range).await?;
        at = range.end;
    }
    if at.event_id != live.checkpoint.event_id {
        return Err(AuditError::LogDiverged { position: position.0 });
    }
    let temporary: String =
        sqlx::query_scalar("SELECT nspname::text FROM pg_namespace WHERE oid = pg_my_temp_schema()")
            .fetch_one(&mut *tx)
            .await?;
    let mut comparison = Verification {
        position: position.0,
        compared_with: Some(live.generation.number),
        ..Verification::default()
    };
    compare(tx, &temporary, Some(&live.generation.to_string()), &mut comparison).await?;
    Ok(Audit {
        projection: name,
        generation: live.generation.number,
        version: live.version,
        position: position.0,
        parked_streams: live.parked_streams,
        parked_events,
        discarded_events,
        comparison,
    })
}

/// The parked events of the live generation.
async fn parked(tx: &mut PgConnection, live: &Row) -> Result<HashSet<Uuid>, sqlx::Error> {
    let statement = format!("SELECT event_id FROM {}.parked_events", live.generation);
    let ids: Vec<Uuid> = sqlx::query_scalar(&statement).fetch_all(tx).await?;
    Ok(ids.into_iter().collect())
}

fn log(served: &Served) -> LogReader {
    let options = PoolOptions {
        application_name: "marquee-verify-log",
        connections_max: 4,
        acquire_timeout: Duration::from_secs(10),
        statement_timeout: LOG_STATEMENT_TIMEOUT,
    };
    LogReader::new(database::pool(&served.event_store_url, options))
}
