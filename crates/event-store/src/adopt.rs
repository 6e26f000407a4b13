//! Gives a log that was restored, or that has gone back, an identity of its own, and brings what stands beside it in the
//! same database in line with it.
//!
//! Readers that were ahead of it then say so instead of mixing two histories, each by the event at its checkpoint.

use chrono::{DateTime, Utc};
use domain::Position;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::origin::IS_RESTORED_INTO;

/// Why a log was not given a new identity. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// Somebody else has given it one since the plan was made.
    #[error("the log has another identity by now: {found}")]
    Changed {
        /// The identity it has.
        found: Uuid,
    },
    /// What of the log was published is not known, and nobody has said.
    #[error(
        "what of this log was published is not known: its events were restored into a store whose relay has published nothing \
         yet; say where it goes on"
    )]
    RelayUnplaced,
    /// The relay is to go on behind a position that the log does not have.
    #[error("the relay cannot go on behind position {}: the log ends at {}", wanted.0, head.0)]
    BeyondHead {
        /// Where it was to go on.
        wanted: Position,
        /// Where the log ends.
        head: Position,
    },
    /// The database refused or did not answer.
    #[error("the event store's database failed")]
    Database(#[from] sqlx::Error),
}

/// What a new identity touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// The identity the log has.
    pub log_id: Uuid,
    /// Where the log ends.
    pub head: Position,
    /// When its last event was recorded.
    pub recorded_at: Option<DateTime<Utc>>,
    /// Where the relay's checkpoint is.
    pub relay: Position,
    /// Where it will be: the same, if its event is in the log; else the last place of which it is known that it was
    /// published before the log went back. What follows is published again.
    pub relay_afterwards: Position,
    /// Whether the relay's checkpoint tells nothing: the events were put into a store that was made after them.
    pub relay_unplaced: bool,
    /// Recorded answers to idempotency keys that name an event the log does not have; they are forgotten.
    pub stray_keys: i64,
}

/// The keys whose answer names an event that is not in the log, or one that was recorded later than the answer.
const STRAY_KEYS: &str = "FROM idempotency_keys k LEFT JOIN events e ON e.position = k.position
    WHERE CASE k.position WHEN 0 THEN k.sequence <> 0
          ELSE e.sequence IS DISTINCT FROM k.sequence OR e.recorded_at > k.recorded_at END";

/// Finds out what [`adopt`] would touch, and touches nothing.
///
/// # Errors
/// [`AdoptError::Database`].
pub async fn plan_adoption(connection: &mut PgConnection) -> Result<Adoption, AdoptError> {
    let mut tx = connection.begin().await?;
    tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await?;
    let (adoption, _) = plan(&mut tx).await?;
    tx.rollback().await?;
    Ok(adoption)
}

/// Gives the log a new identity, moves the relay's checkpoint and forgets stray keys, in one transaction; returns the new
/// identity and what was touched. `planned` is the identity the log had when a person agreed, `relay_at` where the relay goes
/// on if that person says so.
///
/// Needs a superuser: no service may change the log. A relay that leads meanwhile loses its lease, and begins again.
///
/// # Errors
/// [`AdoptError`].
pub async fn adopt_with_relay_at(
    connection: &mut PgConnection,
    planned: Uuid,
    relay_at: Option<Position>,
) -> Result<(Uuid, Adoption), AdoptError> {
    let mut tx = connection.begin().await?;
    // Nothing is appended, and no checkpoint moves, until this is committed. The relay's row itself may be replaced while it is
    // waited for.
    tx.execute("SELECT pg_advisory_xact_lock(1)").await?;
    tx.execute("LOCK TABLE relay IN SHARE ROW EXCLUSIVE MODE").await?;
    let (mut adoption, mut event_id) = plan(&mut tx).await?;
    if adoption.log_id != planned {
        return Err(AdoptError::Changed { found: adoption.log_id });
    }
    match relay_at {
        Some(wanted) => {
            event_id = event_at(&mut tx, wanted, adoption.head).await?;
            adoption.relay_afterwards = wanted;
        }
        None if adoption.relay_unplaced => return Err(AdoptError::RelayUnplaced),
        None => {}
    }
    let log_id: Uuid = sqlx::query_scalar("UPDATE log SET log_id = gen_random_uuid() RETURNING log_id")
        .fetch_one(&mut *tx)
        .await?;
    // The epoch fences a relay that still holds its old checkpoint in memory.
    sqlx::query(
        "UPDATE relay SET holder = NULL, epoch = epoch + 1, expires_at = '-infinity',
            log_id = $3, position = $1, event_id = $2, watermark = least(watermark, $1)",
    )
    .bind(adoption.relay_afterwards.0)
    .bind(event_id)
    .bind(log_id)
    .execute(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM publication WHERE position > $1")
        .bind(adoption.relay_afterwards.0)
        .execute(&mut *tx)
        .await?;
    let forget =
        format!("DELETE FROM idempotency_keys WHERE (principal, key) IN (SELECT k.principal, k.key {STRAY_KEYS})");
    tx.execute(forget.as_str()).await?;
    tx.commit().await?;
    Ok((log_id, adoption))
}

/// As [`adopt_with_relay_at`], with the relay where the plan has it.
///
/// # Errors
/// [`AdoptError`].
pub async fn adopt(connection: &mut PgConnection, planned: Uuid) -> Result<(Uuid, Adoption), AdoptError> {
    adopt_with_relay_at(connection, planned, None).await
}

/// The event at a position of the log; none at 0.
async fn event_at(tx: &mut PgConnection, wanted: Position, head: Position) -> Result<Option<Uuid>, AdoptError> {
    if wanted.0 == 0 {
        return Ok(None);
    }
    let found: Option<Uuid> = sqlx::query_scalar("SELECT event_id FROM events WHERE position = $1")
        .bind(wanted.0)
        .fetch_optional(tx)
        .await?;
    found.map(Some).ok_or(AdoptError::BeyondHead { wanted, head })
}

/// The plan, and the event at the relay's place afterwards.
async fn plan(tx: &mut PgConnection) -> Result<(Adoption, Option<Uuid>), sqlx::Error> {
    let (log_id, head, recorded_at): (Uuid, Option<i64>, Option<DateTime<Utc>>) = sqlx::query_as(
        "SELECT l.log_id, e.position, e.recorded_at FROM log l LEFT JOIN LATERAL (
            SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1
         ) e ON true",
    )
    .fetch_one(&mut *tx)
    .await?;
    let (relay, event_id, in_log, never_led): (i64, Option<Uuid>, bool, bool) = sqlx::query_as(
        "SELECT r.position, r.event_id, e.event_id IS NOT DISTINCT FROM r.event_id, r.log_id IS NULL
         FROM relay_row() r LEFT JOIN events e ON e.position = r.position",
    )
    .fetch_one(&mut *tx)
    .await?;
    let (afterwards, event_id) = if in_log {
        (relay, event_id)
    } else {
        last_published(tx, relay).await?
    };
    let stray_keys: i64 = sqlx::query_scalar(&format!("SELECT count(*) {STRAY_KEYS}"))
        .fetch_one(&mut *tx)
        .await?;
    let restored_into: bool = sqlx::query_scalar(IS_RESTORED_INTO).fetch_one(&mut *tx).await?;
    let adoption = Adoption {
        log_id,
        head: Position(head.unwrap_or(0)),
        recorded_at,
        relay: Position(relay),
        relay_afterwards: Position(afterwards),
        relay_unplaced: never_led && restored_into,
        stray_keys,
    };
    Ok((adoption, event_id))
}

/// The last remembered checkpoint whose event was in the log when it was reached. An event recorded later than that took
/// the place of one that was lost, and nobody has published it.
async fn last_published(tx: &mut PgConnection, relay: i64) -> Result<(i64, Option<Uuid>), sqlx::Error> {
    let found: Option<(i64, Option<Uuid>)> = sqlx::query_as(
        "SELECT e.position, e.event_id FROM publication p JOIN events e ON e.position = p.position
         WHERE e.position <= $1 AND e.recorded_at <= p.at ORDER BY e.position DESC LIMIT 1",
    )
    .bind(relay)
    .fetch_optional(tx)
    .await?;
    Ok(found.unwrap_or((0, None)))
}
