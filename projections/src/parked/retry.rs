//! Applying a stream's parked events again, and passing over those that an operator discards.
//!
//! Guarantees: what is applied leaves the parked events in the same transaction; the order of the stream is kept; the
//! checkpoint does not move. The log is read before the projection's row is locked, and what is parked is read again
//! under the lock, so that the consumer waits for no other database.
//!
//! Failure: whatever goes wrong, each transaction happened or did not, and a retry goes on where the last one ended.

use std::ops::ControlFlow;
use std::time::Duration;

use domain::{DecodeError, Envelope, Sequence};
use event_store::LogError;
use futures::FutureExt;
use session::{is_lost, living, transact};
use sqlx::PgConnection;
use tokio::time::Instant;

use super::attempt::{self, Attempted};
use super::stream::{self, Parked, Stream};
use crate::actions::{self, Action};
use crate::attendance;
use crate::control::{self, Checkpoint, Row};
use crate::operated::Operated;
use crate::operator::Operator;
use crate::{ApplyError, Generation};

/// Events of one transaction.
const CHUNK: i64 = 500;
/// Events read from the log at once.
const LOG_PAGE: u32 = 1_000;
/// No transaction is begun later than this; what is left stays parked for the next retry.
const TIME_MAX: Duration = Duration::from_secs(15);
/// How often others may come first.
const TRIES_MAX: u32 = 5;

/// What an operator wants of a parked stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Its events applied.
    Retry { reason: Option<String> },
    /// Its first event passed over, or all of them, and the others applied.
    Discard { reason: String, all: bool },
}

/// What became of a stream's parked events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) applied: i64,
    pub(super) discarded: i64,
    pub(super) still_parked: i64,
    /// Why the first of those that are left is: code and detail.
    pub(super) reason: Option<(&'static str, String)>,
}

/// Why nothing was done, or nothing more.
#[derive(Debug, thiserror::Error)]
pub(super) enum RetryError {
    #[error("no stream is parked at this position of the live generation")]
    NotParked,
    #[error("an earlier event of the stream is parked, at position {first}; only the first can be acted on")]
    NotFirst { first: i64 },
    #[error("the live generation was made by version {version} of the projection, this code is version {code_version}")]
    VersionMismatch { version: i32, code_version: i32 },
    #[error("the log is not the one that the read model was made from, or does not have the parked events any more")]
    LogDiverged,
    #[error("the event at position {position} is of a version that this code does not know; newer code can apply it")]
    Unknown { position: i64, source: DecodeError },
    #[error("others were quicker each time; ask again")]
    Busy,
    #[error("the log could not be read")]
    Log(#[source] LogError),
    #[error("the read model's database failed")]
    Database(#[from] sqlx::Error),
}

/// Whose turn it is: a stream as it was read, without a lock.
struct Turn {
    generation: Generation,
    /// Where the read model is, to be found in the log that the events are read from.
    checkpoint: Checkpoint,
    stream: Stream,
    parked: Vec<Parked>,
}

/// Does what is wanted of the stream whose first parked event is at a position.
pub(super) async fn run(
    operated: &Operated,
    operator: &Operator,
    position: i64,
    wanted: &Wanted,
) -> Result<Outcome, RetryError> {
    let deadline = Instant::now() + TIME_MAX;
    let mut outcome = Outcome::default();
    let mut begun: Option<Stream> = None;
    let mut tries = 0;
    loop {
        let turn = match &begun {
            None => first_turn(operated, position).await?,
            Some(stream) => match next_turn(operated, stream).await? {
                Some(turn) => turn,
                None => return Ok(outcome),
            },
        };
        let events = read(operated, &turn).await?;
        let order = Order {
            operator,
            position,
            wanted: begun.is_none().then_some(wanted),
        };
        let Some(attempted) = commit(operated, &turn, events, &order).await? else {
            tries += 1;
            if tries >= TRIES_MAX {
                return Err(RetryError::Busy);
            }
            continue;
        };
        begun = Some(turn.stream);
        outcome.applied += attempted.applied;
        outcome.discarded += attempted.discarded;
        outcome.still_parked = attempted.left;
        outcome.reason = attempted
            .failed
            .map(|reason| (reason.code(), reason.detail().to_owned()));
        if outcome.still_parked == 0 || outcome.reason.is_some() || Instant::now() >= deadline {
            return Ok(outcome);
        }
    }
}

/// What is recorded with the first transaction.
struct Order<'a> {
    operator: &'a Operator,
    position: i64,
    wanted: Option<&'a Wanted>,
}

async fn first_turn(operated: &Operated, position: i64) -> Result<Turn, RetryError> {
    let mut connection = living(&operated.pool).await?;
    let row = live(operated, &mut connection).await?;
    match stream::first_before(&mut connection, &row.generation, position).await? {
        None => return Err(RetryError::NotParked),
        Some(first) if first < position => return Err(RetryError::NotFirst { first }),
        Some(_) => {}
    }
    let first = stream::find(&mut connection, &row.generation, position).await?;
    let first = first.ok_or(RetryError::NotParked)?;
    let stream = Stream {
        aggregate_type: first.aggregate_type,
        aggregate_id: first.aggregate_id,
    };
    let turn = turn(operated, &mut connection, &row, stream).await?;
    turn.ok_or(RetryError::NotParked)
}

async fn next_turn(operated: &Operated, stream: &Stream) -> Result<Option<Turn>, RetryError> {
    let mut connection = living(&operated.pool).await?;
    let row = live(operated, &mut connection).await?;
    turn(operated, &mut connection, &row, stream.clone()).await
}

async fn turn(
    operated: &Operated,
    connection: &mut PgConnection,
    row: &Row,
    stream: Stream,
) -> Result<Option<Turn>, RetryError> {
    let parked = stream::head(connection, operated.projection.name(), &row.generation, &stream, CHUNK).await?;
    Ok((!parked.is_empty()).then_some(Turn {
        generation: row.generation,
        checkpoint: row.checkpoint,
        stream,
        parked,
    }))
}

/// The row, if this code can write its generation.
async fn live(operated: &Operated, connection: &mut PgConnection) -> Result<Row, RetryError> {
    let projection = &*operated.projection;
    let row = control::load(connection, projection.name()).await?;
    let row = row.ok_or(RetryError::NotParked)?;
    if row.is_of(projection) {
        Ok(row)
    } else {
        Err(RetryError::VersionMismatch {
            version: row.version,
            code_version: projection.version(),
        })
    }
}

/// Reads the parked events from the log: each of them, and with them the checkpoint's event, or it is another log.
async fn read(operated: &Operated, turn: &Turn) -> Result<Vec<Envelope>, RetryError> {
    let log = &operated.observed.log;
    let stream = &turn.stream;
    let mut after = Sequence(turn.parked[0].sequence - 1);
    let mut found: Vec<Envelope> = Vec::with_capacity(turn.parked.len());
    while let Some(missing) = turn.parked.get(found.len()) {
        if after.0 >= missing.sequence {
            return Err(RetryError::LogDiverged);
        }
        let (kind, id) = (&stream.aggregate_type, &stream.aggregate_id);
        let page = log.stream_beside(kind, id, after, LOG_PAGE, turn.checkpoint.position);
        let page = page.await.map_err(|error| match error {
            LogError::StreamGap { .. } => RetryError::LogDiverged,
            other => RetryError::Log(other),
        })?;
        after = page.events.last().ok_or(RetryError::LogDiverged)?.sequence;
        if page.beside != turn.checkpoint.event_id {
            return Err(RetryError::LogDiverged);
        }
        for event in page.events {
            if turn
                .parked
                .get(found.len())
                .is_some_and(|parked| parked.event_id == event.event_id)
            {
                found.push(event);
            }
        }
    }
    Ok(found)
}

/// Tries the events under the row's lock; `None` when they are not the first parked ones of the live generation any more.
async fn commit(
    operated: &Operated,
    turn: &Turn,
    events: Vec<Envelope>,
    order: &Order<'_>,
) -> Result<Option<Attempted>, RetryError> {
    let was_lost = |error: &RetryError| matches!(error, RetryError::Database(error) if is_lost(error));
    let given = (operated, turn, events, order);
    let committing = transact(
        &operated.pool,
        &given,
        was_lost,
        |tx, (operated, turn, events, order)| carry_out(tx, operated, turn, events.clone(), order).boxed(),
    );
    committing.await
}

/// Tries the events in the caller's transaction.
async fn carry_out(
    tx: &mut PgConnection,
    operated: &Operated,
    turn: &Turn,
    events: Vec<Envelope>,
    order: &Order<'_>,
) -> Result<ControlFlow<Option<Attempted>, Option<Attempted>>, RetryError> {
    let (projection, generation, stream) = (&*operated.projection, &turn.generation, &turn.stream);
    let name = projection.name();
    control::lock(tx, name).await?;
    let row = live(operated, tx).await?;
    if row.generation != *generation {
        return Ok(ControlFlow::Break(None));
    }
    if events.iter().any(|event| row.checkpoint.log_id != Some(event.log_id)) {
        return Err(RetryError::LogDiverged);
    }
    if let Some(Wanted::Discard { reason, all }) = order.wanted {
        let words = (order.operator.0.as_str(), reason.as_str());
        stream::discard(tx, name, generation, stream, (order.position, *all), words).await?;
    }
    let parked = stream::head(tx, name, generation, stream, CHUNK).await?;
    let Some(steps) = attempt::steps(projection, events, &parked)? else {
        return Ok(ControlFlow::Break(None));
    };
    let attempted = attempt::run(tx, projection, generation, stream, &steps).await;
    let attempted = attempted.map_err(|error| match error {
        ApplyError::Database(error) => RetryError::Database(error),
        // Deterministic errors are reasons, and come with what was attempted.
        ApplyError::Rule { .. } => RetryError::Busy,
    })?;
    if attempted.left == 0 {
        control::unpark_stream(tx, name).await?;
    }
    if let Some(wanted) = order.wanted {
        record(tx, name, stream, order, wanted).await?;
    }
    // One that is held for want of room among the parked streams may go on.
    attendance::call(tx, name).await?;
    Ok(ControlFlow::Continue(Some(attempted)))
}

async fn record(
    tx: &mut PgConnection,
    projection: &str,
    stream: &Stream,
    order: &Order<'_>,
    wanted: &Wanted,
) -> Result<(), sqlx::Error> {
    let (action, why, all) = match wanted {
        Wanted::Retry { reason } => (Action::Retry, reason.as_deref(), false),
        Wanted::Discard { reason, all } => (Action::Discard, Some(reason.as_str()), *all),
    };
    let subject = format!(
        "{}/{} at position {}{}",
        stream.aggregate_type,
        stream.aggregate_id,
        order.position,
        if all { " and all parked behind it" } else { "" }
    );
    tracing::info!(
        projection,
        action = action.as_str(),
        operator = order.operator.0,
        subject,
        "an operator acted"
    );
    actions::record(tx, projection, action, order.operator, why, Some(&subject)).await
}
