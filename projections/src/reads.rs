//! Reading a read model: at which position, from which generation, and how long to wait for it.

pub(crate) mod again;
pub(crate) mod answer;
pub(crate) mod cursor;
pub(crate) mod page;
mod standing;
pub(crate) mod wanted;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use domain::Position;
use event_store::{LogReader, Place};
use service::Problem;
use session::is_lost;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use uuid::Uuid;

use crate::control::{self, Row};
use crate::{Generation, ReadWanted, parked};
use standing::Standing;

/// The first pause before the row is read again, for when another process commits.
const POLL_INTERVAL_MIN: Duration = Duration::from_millis(20);
/// Pauses double up to this one.
const POLL_INTERVAL_MAX: Duration = Duration::from_millis(80);
/// What a reader is told to wait before it asks again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long a reader keeps its connection while the log is looked at; an event store that is away costs other readers none.
const CONNECTION_HELD_MAX: Duration = Duration::from_millis(20);
/// How long the read model's database may take to say where it is; the network may hang where no server sees it.
const ROW_TIMEOUT: Duration = Duration::from_secs(4);

/// What a query needs; cheap to clone into a router's state.
#[derive(Clone)]
pub struct Reads {
    projection: &'static str,
    pool: PgPool,
    standing: Arc<Standing>,
    committed: watch::Receiver<Position>,
}

/// A connection to read with, and where the read model stands at least.
#[derive(Debug)]
pub struct Read {
    /// Nothing is in progress on it.
    pub connection: PoolConnection<Postgres>,
    /// The live generation: its schema goes into the SQL.
    pub generation: Generation,
    /// Version of the code that made it: newer code serves it until it is rebuilt, and must not ask it for newer columns.
    pub version: i32,
    /// Read before the data, so the data can only be newer: the answer's `Read-Position`.
    pub position: ReadPosition,
}

/// Where a read model stands, and in which log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadPosition {
    /// Everything up to here is applied.
    pub position: Position,
    /// The log it was applied from; none at 0.
    pub log_id: Option<Uuid>,
}

impl fmt::Debug for Reads {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Reads")
            .field("projection", &self.projection)
            .finish_non_exhaustive()
    }
}

impl Reads {
    /// Reads the projection's database through `pool`; `committed` tells what a consumer of this process commits,
    /// as a hint, and may stay at 0 when there is none.
    pub fn new(projection: &'static str, pool: PgPool, log: LogReader, committed: watch::Receiver<Position>) -> Self {
        Self {
            projection,
            pool,
            standing: Arc::new(Standing::new(log)),
            committed,
        }
    }

    /// Waits until the read model is where the reader wants it, and gives a connection to read it with.
    ///
    /// `streams` (type and id) are those that the answer is about, if it is about given ones. No connection is held
    /// while waiting.
    ///
    /// # Errors
    /// 503 `LOG_DIVERGED` when a position is asked for and the read model's own is not in the log: no number tells anything then.
    /// 503 `READ_MODEL_BEHIND` when the position is not reached in time; 503 `READ_MODEL_PARKED` without that wait when an event
    /// of one of the streams, at or before the position, is parked; 400 `POSITION_BEYOND_HEAD` when the log does not
    /// have the position; 503 `READ_MODEL_UNAVAILABLE` when the database does not answer, or the event store does not and has not
    /// answered this process before.
    pub async fn begin(&self, wanted: &ReadWanted, streams: &[(&str, &str)]) -> Result<Read, Problem> {
        let deadline = Instant::now() + wanted.wait;
        let min_position = wanted.min_position.unwrap_or_default();
        let mut committed = self.committed.clone();
        let mut hint_spent = false;
        let mut poll_interval = POLL_INTERVAL_MIN;
        let mut looked = false;
        let known = *committed.borrow();
        // A consumer of this process that is behind will tell; to ask before is in vain.
        let mut waits = Position(0) < known && known < min_position;
        loop {
            if waits {
                let poll_at = deadline.min(Instant::now() + poll_interval);
                poll_interval = POLL_INTERVAL_MAX.min(poll_interval * 2);
                // A hint comes once: it stays true when the read model has gone back behind it, and when the consumer is gone.
                if hint_spent {
                    sleep_until(poll_at).await;
                } else {
                    let hinted = timeout_at(poll_at, committed.wait_for(|at| *at >= min_position)).await;
                    hint_spent = hinted.is_ok();
                }
            }
            waits = true;
            let since = Instant::now();
            let (mut connection, mut row) = self.row().await?;
            if wanted.min_position.is_some() && (!looked || row.checkpoint.position >= min_position) {
                (connection, row) = self.expect_in_log((connection, row), since, min_position).await?;
                looked = true;
            }
            if row.parked_streams > 0 && wanted.min_position.is_some() {
                self.refuse_parked(&mut connection, &row, min_position, streams).await?;
            }
            if row.checkpoint.position >= min_position {
                return Ok(Read {
                    connection,
                    generation: row.generation,
                    version: row.version,
                    position: ReadPosition {
                        position: row.checkpoint.position,
                        log_id: row.checkpoint.log_id,
                    },
                });
            }
            drop(connection);
            if Instant::now() >= deadline {
                return Err(behind(row.checkpoint.position, min_position));
            }
        }
    }

    /// Reads the projection's row, for who wants to know where the read model is and not what it says.
    ///
    /// Connections that died while they were idle are used up first: when the database is back, no reader is refused
    /// because of them.
    pub(crate) async fn row(&self) -> Result<(PoolConnection<Postgres>, Row), Problem> {
        let row = timeout(ROW_TIMEOUT, self.row_of_living_connection()).await;
        row.unwrap_or_else(|_elapsed| Err(unavailable("the read model's database does not answer")))
    }

    async fn row_of_living_connection(&self) -> Result<(PoolConnection<Postgres>, Row), Problem> {
        let mut dead_connections_left = self.pool.options().get_max_connections();
        loop {
            let mut connection = self.pool.acquire().await.map_err(|error| self.unavailable(&error))?;
            match control::load(&mut connection, self.projection).await {
                Ok(Some(row)) => return Ok((connection, row)),
                Ok(None) => return Err(unavailable("the read model is not made yet")),
                Err(error) if is_lost(&error) && dead_connections_left > 0 => {
                    dead_connections_left -= 1;
                    connection.close_on_drop();
                }
                Err(error) => return Err(self.unavailable(&error)),
            }
        }
    }

    async fn refuse_parked(
        &self,
        connection: &mut PoolConnection<Postgres>,
        row: &Row,
        min_position: Position,
        streams: &[(&str, &str)],
    ) -> Result<(), Problem> {
        if streams.is_empty() {
            return Ok(());
        }
        let parked = parked::among(connection, &row.generation, streams).await;
        let parked = parked.map_err(|error| self.unavailable(&error))?;
        match parked.into_iter().find(|(_, position)| *position <= min_position) {
            None => Ok(()),
            Some(((kind, id), position)) => Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "READ_MODEL_PARKED",
                format!(
                    "the event of {kind} {id} at position {} could not be applied; an operator has to see to it",
                    position.0
                ),
            )),
        }
    }

    /// Refuses whoever asks for a position of the log while the read model's own is not in it, or the log does not have the
    /// position. When the event store cannot be asked, queries go on without it, but not in a process that has not found the read
    /// model in the log so far, or has found it to be of another history.
    async fn expect_in_log(
        &self,
        (connection, row): (PoolConnection<Postgres>, Row),
        since: Instant,
        min_position: Position,
    ) -> Result<(PoolConnection<Postgres>, Row), Problem> {
        let checkpoint = row.checkpoint;
        let mut looking = pin!(self.standing.look(since, &checkpoint));
        let (place, read) = match timeout(CONNECTION_HELD_MAX, &mut looking).await {
            Ok(place) => (place, (connection, row)),
            Err(_elapsed) => {
                drop(connection);
                (looking.await, self.row().await?)
            }
        };
        match place {
            Some(place) if place.event_id != checkpoint.event_id => Err(diverged(checkpoint.position)),
            Some(place) if min_position > place.head.max(checkpoint.position) => Err(beyond_head(place, min_position)),
            None if !self.standing.was_found() => Err(unavailable(
                "the event store does not answer, and it is not known whether the read model is in its log",
            )),
            _ => Ok(read),
        }
    }

    fn unavailable(&self, error: &sqlx::Error) -> Problem {
        again::note(error);
        tracing::warn!(projection = self.projection, %error, "the read model could not be read");
        unavailable("the read model's database does not answer")
    }
}

fn unavailable(detail: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "READ_MODEL_UNAVAILABLE", detail).retry_after(RETRY_AFTER)
}

fn diverged(position: Position) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "LOG_DIVERGED",
        format!(
            "the read model was made from a log that was lost: the event at its position {} is not in the log; an operator has \
             to rebuild it",
            position.0
        ),
    )
}

fn beyond_head(place: Place, wanted: Position) -> Problem {
    let (wanted, head) = (wanted.0, place.head.0);
    Problem::new(
        StatusCode::BAD_REQUEST,
        "POSITION_BEYOND_HEAD",
        format!("there is no position {wanted}; the log ends at {head}"),
    )
}

fn behind(position: Position, wanted: Position) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "READ_MODEL_BEHIND",
        format!("the read model is at position {}, not yet at {}", position.0, wanted.0),
    )
    .retry_after(RETRY_AFTER)
}
