//! The last event that this process has seen in the log, looked for on each new connection of the writer.
//!
//! A log goes back when a backup is restored, or a standby that lacked the last events takes over; no connection survives either.
//! What was decided on the lost events must not be appended to what took their place.

use domain::Position;
use sqlx::PgConnection;
use uuid::Uuid;

/// Tells one start of a server from another, and from all other servers: when it was, in microseconds.
pub(crate) type ServerStart = i64;

/// An event and the identity of the log that has it.
#[derive(Debug, Default)]
pub(crate) struct Landmark(Option<(Uuid, Position, Uuid)>);

/// What was found instead of nothing.
pub(crate) struct Found {
    /// Which server has been asked.
    pub(crate) server: ServerStart,
    /// The log's identity, if it is another one than that of the landmark.
    pub(crate) new_log: Option<Uuid>,
}

/// Why it was not found.
pub(crate) enum Lost {
    Database(sqlx::Error),
    /// The log, of the same identity, has no such event at this position.
    Diverged(Position),
}

const FIND: &str = "SELECT l.log_id, e.event_id, head.position, head.event_id,
        (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint
    FROM log l LEFT JOIN events e ON e.position = $1
    LEFT JOIN LATERAL (SELECT position, event_id FROM events ORDER BY position DESC LIMIT 1) head ON true";

type Row = (Uuid, Option<Uuid>, Option<i64>, Option<Uuid>, ServerStart);

impl Landmark {
    /// Looks for the event. If it is there, or the log has another identity, the log's last event takes its place.
    ///
    /// # Errors
    /// [`Lost`].
    pub(crate) async fn find(&mut self, connection: &mut PgConnection) -> Result<Found, Lost> {
        let sought = self.0.map(|(_, position, _)| position.0);
        let finding = sqlx::query_as(FIND).bind(sought).fetch_one(connection);
        let (log_id, found, head, head_event, server): Row = finding.await.map_err(Lost::Database)?;
        if let Some((of_log, position, event)) = self.0
            && of_log == log_id
            && found != Some(event)
        {
            return Err(Lost::Diverged(position));
        }
        let new_log = self.0.filter(|(of_log, ..)| *of_log != log_id).map(|_| log_id);
        self.0 = head
            .zip(head_event)
            .map(|(position, event)| (log_id, Position(position), event));
        Ok(Found { server, new_log })
    }

    /// Takes a later event, if there is one.
    pub(crate) fn remember(&mut self, log_id: Uuid, last: Option<(Position, Uuid)>) {
        if let Some((position, event)) = last {
            self.0 = Some((log_id, position, event));
        }
    }
}
