//! How far the relay is, for whoever looks on: who leads, and when an event was published.

use chrono::{DateTime, Utc};
use domain::Position;
use futures::FutureExt;
use session::ask;
use uuid::Uuid;

use crate::relay_state::{RelayCheckpoint, RelayState, RelayStateError};

/// Who leads, until when if it does not renew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leader {
    /// Identity of the relay.
    pub holder: Uuid,
    /// Which leadership.
    pub epoch: i64,
    /// When the lease ends, by the database's clock.
    pub expires_at: DateTime<Utc>,
}

/// The relay's row and the log it is about, read together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayProgress {
    /// None while nobody holds the lease.
    pub leader: Option<Leader>,
    /// How far the relay has come.
    pub checkpoint: RelayCheckpoint,
    /// Identity of the log as it is now.
    pub log_id: Uuid,
    /// Where the log ends.
    pub head: Position,
    /// Whether the log has the checkpoint's event at its position. One that went back may be longer than the checkpoint.
    pub is_in_log: bool,
}

/// What is known of an event's publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The broker has not confirmed it, as far as the checkpoint says.
    NotYet,
    /// The checkpoint passed it at this time, some milliseconds after the broker's confirm.
    At(DateTime<Utc>),
    /// It is published; when is no longer remembered.
    Forgotten,
}

impl RelayState {
    /// Reads who leads, how far the relay has come, and where the log ends.
    ///
    /// # Errors
    /// [`RelayStateError::Database`].
    pub async fn progress(&self) -> Result<RelayProgress, RelayStateError> {
        let row: ProgressRow = ask(&self.pool, |connection| {
            sqlx::query_as(
                "SELECT r.holder, r.epoch,
                        CASE WHEN r.expires_at > clock_timestamp() THEN r.expires_at END AS expires_at,
                        r.log_id AS checkpoint_log_id, r.position, r.event_id, r.watermark, l.log_id,
                        coalesce((SELECT e.position FROM events e ORDER BY e.position DESC LIMIT 1), 0) AS head,
                        r.event_id IS NOT DISTINCT FROM (
                            SELECT e.event_id FROM events e WHERE e.position = r.position
                        ) AS is_in_log
                 FROM relay_row() r, log l",
            )
            .fetch_one(connection)
            .boxed()
        })
        .await?;
        Ok(row.into())
    }

    /// Tells when a position was published.
    ///
    /// # Errors
    /// [`RelayStateError::Database`].
    pub async fn published(&self, position: Position) -> Result<Published, RelayStateError> {
        let (reached, known_after, at): (bool, Option<i64>, Option<DateTime<Utc>>) =
            ask(&self.pool, move |connection| {
                sqlx::query_as(
                    // What was forgotten is not passed over: an old snapshot may keep its remains for long.
                    "WITH kept AS (SELECT p.position, p.at FROM relay_row() r, publication p WHERE p.number > r.moves - 65536)
                     SELECT r.position >= $1, (SELECT min(position) FROM kept),
                            (SELECT at FROM kept WHERE position >= $1 ORDER BY position LIMIT 1)
                     FROM relay_row() r",
                )
                .bind(position.0)
                .fetch_one(connection)
                .boxed()
            })
            .await?;
        Ok(match at {
            _ if !reached => Published::NotYet,
            Some(at) if known_after.is_some_and(|known_after| known_after < position.0) => Published::At(at),
            _ => Published::Forgotten,
        })
    }
}

#[derive(sqlx::FromRow)]
struct ProgressRow {
    holder: Option<Uuid>,
    epoch: i64,
    /// None when the lease has ended.
    expires_at: Option<DateTime<Utc>>,
    checkpoint_log_id: Option<Uuid>,
    position: i64,
    event_id: Option<Uuid>,
    watermark: i64,
    log_id: Uuid,
    head: i64,
    is_in_log: bool,
}

impl From<ProgressRow> for RelayProgress {
    fn from(row: ProgressRow) -> Self {
        let leader = row.holder.zip(row.expires_at).map(|(holder, expires_at)| Leader {
            holder,
            epoch: row.epoch,
            expires_at,
        });
        Self {
            leader,
            checkpoint: RelayCheckpoint {
                log_id: row.checkpoint_log_id,
                position: Position(row.position),
                event_id: row.event_id,
                watermark: Position(row.watermark),
            },
            log_id: row.log_id,
            head: Position(row.head),
            is_in_log: row.is_in_log,
        }
    }
}
