//! Places in the log, and whether an event still is where it was read: positions are used again by a log that went back, event
//! ids are not.

use domain::Position;
use futures::FutureExt;
use session::ask;
use uuid::Uuid;

use crate::{LogError, LogReader};

/// A place in the log, and where the log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Identity of the log.
    pub log_id: Uuid,
    /// Identity of the event there; none when the log does not reach that far, and at 0.
    pub event_id: Option<Uuid>,
    /// Position of the log's last event; 0 in an empty log.
    pub head: Position,
}

/// Both ends of a range of the log, and whether the log has what was told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edges {
    /// Identity of the log.
    pub log_id: Uuid,
    /// Identity of the event right before the range; none at the log's beginning, and beyond its end.
    pub before: Option<Uuid>,
    /// Identity of the range's last event; none when the log does not reach that far.
    pub last: Option<Uuid>,
    /// Whether the log has each event that was told of, at its position.
    pub has_told: bool,
}

impl LogReader {
    /// Which log this is, which event it has at a position, and where it ends: read together, for a log can be replaced at
    /// any time.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn place(&self, position: Position) -> Result<Place, LogError> {
        let (log_id, event_id, head) = ask(&self.pool, move |connection| {
            sqlx::query_as(
                "SELECT l.log_id, (SELECT event_id FROM events WHERE position = $1),
                        coalesce((SELECT position FROM events ORDER BY position DESC LIMIT 1), 0)
                 FROM log l",
            )
            .bind(position.0)
            .fetch_one(connection)
            .boxed()
        })
        .await?;
        Ok(Place {
            log_id,
            event_id,
            head: Position(head),
        })
    }

    /// Which events stand at both ends of `(after, to]`, and whether the log has those that `told` names, read together: who
    /// holds events of the range finds out by one look whether they are of this log. The caller bounds `told`.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn edges(&self, after: Position, to: Position, told: &[(Position, Uuid)]) -> Result<Edges, LogError> {
        let (positions, ids): (Vec<i64>, Vec<Uuid>) = told.iter().map(|(position, id)| (position.0, *id)).unzip();
        // A subquery for each: as a join it may be planned as a scan of the log.
        let (log_id, before, last, has_told) = ask(&self.pool, move |connection| {
            sqlx::query_as(
                "SELECT l.log_id, (SELECT event_id FROM events WHERE position = $1),
                        (SELECT event_id FROM events WHERE position = $2),
                        NOT EXISTS (
                            SELECT FROM unnest($3::bigint[], $4::uuid[]) AS told (position, event_id)
                            WHERE told.event_id IS DISTINCT FROM (
                                SELECT e.event_id FROM events e WHERE e.position = told.position
                            )
                        )
                 FROM log l",
            )
            .bind(after.0)
            .bind(to.0)
            .bind(positions.clone())
            .bind(ids.clone())
            .fetch_one(connection)
            .boxed()
        })
        .await?;
        Ok(Edges {
            log_id,
            before,
            last,
            has_told,
        })
    }
}
