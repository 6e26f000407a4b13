//! What a command line asks a projection's database, without serving the projection and without changing anything.

use chrono::{DateTime, Utc};
use domain::Position;
use service::database::{DatabaseUrl, connect_options};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::Generation;
use crate::privileges::{self, WrongPrivilege};

/// A projection's database, looked at.
#[derive(Debug)]
pub struct Inspector {
    projection: &'static str,
    connection: PgConnection,
}

/// How far a read model is, and in which log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Everything up to here is applied.
    pub position: Position,
    /// The event there; none at 0.
    pub event_id: Option<Uuid>,
    /// The log it was read from; none at 0.
    pub log_id: Option<Uuid>,
}

/// What is known of an event's application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The read model has not come so far.
    NotYet,
    /// The checkpoint passed it at this time, by the clock of the projection's database.
    At(DateTime<Utc>),
    /// It is applied; when is no longer remembered.
    Forgotten,
    /// It could not be applied and is parked, for this reason.
    Parked(String),
}

/// A stream whose events are parked.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ParkedStream {
    /// Kind of stream.
    pub aggregate_type: String,
    /// Which stream of its kind.
    pub aggregate_id: String,
    /// Where its first parked event is.
    pub position: i64,
    /// Why that one could not be applied.
    pub reason: String,
}

#[derive(sqlx::FromRow)]
struct Columns {
    reached: bool,
    generation: i64,
    parked_streams: i64,
    known_after: Option<i64>,
    at: Option<DateTime<Utc>>,
}

impl Inspector {
    /// Connects to the database of a projection.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open(projection: &'static str, url: &DatabaseUrl) -> Result<Self, sqlx::Error> {
        let options = connect_options(url, "marquee inspector").options([("statement_timeout", "5s")]);
        let connection = options.connect().await?;
        Ok(Self { projection, connection })
    }

    /// Tells how far the live generation is; `None` when there is none yet.
    ///
    /// # Errors
    /// What the database says.
    pub async fn reached(&mut self) -> Result<Option<Reached>, sqlx::Error> {
        let row: Option<(i64, Option<Uuid>, Option<Uuid>)> =
            sqlx::query_as("SELECT position, event_id, log_id FROM public.projection WHERE name = $1")
                .bind(self.projection)
                .fetch_optional(&mut self.connection)
                .await?;
        Ok(row.map(|(position, event_id, log_id)| Reached {
            position: Position(position),
            event_id,
            log_id,
        }))
    }

    /// Finds what is not as it must be of who owns what here, and of who may enter.
    ///
    /// # Errors
    /// What the database says.
    pub async fn wrong_privileges(&mut self, role: &str) -> Result<Vec<WrongPrivilege>, sqlx::Error> {
        privileges::wrong(&mut self.connection, role).await
    }

    /// Tells when a position was applied, as far as the last checkpoints are remembered.
    ///
    /// # Errors
    /// What the database says.
    pub async fn applied(&mut self, position: Position) -> Result<Applied, sqlx::Error> {
        let row: Option<Columns> = sqlx::query_as(
            // What was forgotten is not passed over: an old snapshot may keep its remains for long.
            "WITH last AS (SELECT move FROM public.newest_checkpoint($1)),
                  kept AS (SELECT c.position, c.at FROM last, public.checkpoint c
                           WHERE c.projection = $1 AND c.move > last.move - 65536)
             SELECT position >= $2 AS reached, generation, parked_streams,
                    (SELECT min(position) FROM kept) AS known_after,
                    (SELECT at FROM kept WHERE position >= $2 ORDER BY position, at LIMIT 1) AS at
             FROM public.projection WHERE name = $1",
        )
        .bind(self.projection)
        .bind(position.0)
        .fetch_optional(&mut self.connection)
        .await?;
        let Some(row) = row.filter(|row| row.reached) else {
            return Ok(Applied::NotYet);
        };
        if row.parked_streams > 0
            && let Some(reason) = self.parked(row.generation, position).await?
        {
            return Ok(Applied::Parked(reason));
        }
        // The oldest checkpoint tells from where on it is known, and nothing of what is at or before it.
        Ok(match row.at {
            Some(at) if row.known_after.is_some_and(|known_after| known_after < position.0) => Applied::At(at),
            _ => Applied::Forgotten,
        })
    }

    async fn parked(&mut self, generation: i64, position: Position) -> Result<Option<String>, sqlx::Error> {
        let generation = Generation::new(self.projection, generation);
        let statement = format!("SELECT reason FROM {generation}.parked_events WHERE position = $1");
        sqlx::query_scalar(&statement)
            .bind(position.0)
            .fetch_optional(&mut self.connection)
            .await
    }

    /// Lists the first `limit` streams of the live generation with parked events, by position, and counts all.
    ///
    /// # Errors
    /// What the database says.
    pub async fn parked_streams(&mut self, limit: i64) -> Result<(i64, Vec<ParkedStream>), sqlx::Error> {
        let row: Option<(i64, i64)> =
            sqlx::query_as("SELECT generation, parked_streams FROM public.projection WHERE name = $1")
                .bind(self.projection)
                .fetch_optional(&mut self.connection)
                .await?;
        let Some((generation, count)) = row.filter(|(_, count)| *count > 0) else {
            return Ok((0, Vec::new()));
        };
        let generation = Generation::new(self.projection, generation);
        let statement = format!(
            "SELECT * FROM (
                SELECT DISTINCT ON (aggregate_type, aggregate_id) aggregate_type, aggregate_id, position, reason
                FROM {generation}.parked_events ORDER BY aggregate_type, aggregate_id, position
             ) streams ORDER BY position LIMIT $1"
        );
        let streams = sqlx::query_as(&statement)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await?;
        Ok((count, streams))
    }

    /// Lists the events that operators have discarded, by their ids.
    ///
    /// # Errors
    /// What the database says.
    pub async fn discarded(&mut self) -> Result<Vec<Uuid>, sqlx::Error> {
        sqlx::query_scalar("SELECT event_id FROM public.discarded_event WHERE projection = $1")
            .bind(self.projection)
            .fetch_all(&mut self.connection)
            .await
    }

    /// Ends the connection.
    pub async fn close(self) {
        // What it was for is done.
        let _: Result<(), sqlx::Error> = self.connection.close().await;
    }
}
