//! The last event that this process has seen in the log, looked for on each new connection of the writer.
//!
//! A log goes back when a backup is restored, or a standby that lacked the last events takes over; no connection survives either.
//! What was decided on the lost events must not be appended to what took their place.

use domain::Position;
use sqlx::PgConnection;
use uuid::Uuid;

/// An event and the identity of the log that has it.
#[derive(Debug, Default)]
pub(crate) struct Landmark(Option<(Uuid, Position, Uuid)>);

/// Why it was not found.
pub(crate) enum Lost {
    Database(sqlx::Error),
    /// The log, of the same identity, has no such event at this position.
    Diverged(Position),
}

const FIND: &str = "SELECT l.log_id, e.event_id, head.position, head.event_id
    FROM log l LEFT JOIN events e ON e.position = $1
    LEFT JOIN LATERAL (SELECT position, event_id FROM events ORDER BY position DESC LIMIT 1) head ON true";

impl Landmark {
    /// Looks for the event. If it is there, or the log has another identity, the log's last event takes its place.
    ///
    /// # Errors
    /// [`Lost`].
    pub(crate) async fn find(&mut self, connection: &mut PgConnection) -> Result<(), Lost> {
        let sought = self.0.map(|(_, position, _)| position.0);
        let (log_id, found, head, head_event): (Uuid, Option<Uuid>, Option<i64>, Option<Uuid>) = sqlx::query_as(FIND)
            .bind(sought)
            .fetch_one(connection)
            .await
            .map_err(Lost::Database)?;
        if let Some((of_log, position, event)) = self.0
            && of_log == log_id
            && found != Some(event)
        {
            return Err(Lost::Diverged(position));
        }
        self.0 = head
            .zip(head_event)
            .map(|(position, event)| (log_id, Position(position), event));
        Ok(())
    }

    /// Takes a later event, if there is one.
    pub(crate) fn remember(&mut self, log_id: Uuid, last: Option<(Position, Uuid)>) {
        if let Some((position, event)) = last {
            self.0 = Some((log_id, position, event));
        }
    }
}
