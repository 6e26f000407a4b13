//! One call of the append function: a batch of commands out, an outcome per command back.

use domain::{Position, Sequence};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::idempotency::{Idempotency, RecordedAnswer};

/// A stream that must not have moved when a command's events are appended, besides the command's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Kind of the guarded stream.
    pub aggregate_type: &'static str,
    /// Which stream of its kind.
    pub aggregate_id: String,
    /// The sequence it must still have; 0 for a stream without events.
    pub sequence: Sequence,
}

/// An event about to be appended. Its id is made once, so that a resubmission can be recognised.
#[derive(Clone, Debug)]
pub(crate) struct NewEvent {
    pub(crate) event_id: Uuid,
    pub(crate) event_type: String,
    pub(crate) event_version: String,
    pub(crate) payload: String,
}

/// A decided command about to be appended.
#[derive(Clone, Debug)]
pub(crate) struct Append {
    pub(crate) aggregate_type: &'static str,
    pub(crate) aggregate_id: String,
    pub(crate) expected: Sequence,
    pub(crate) events: Vec<NewEvent>,
    /// JSON object of strings; the same for all events of the command.
    pub(crate) metadata: String,
    pub(crate) guard: Option<Guard>,
    pub(crate) idempotency: Option<Idempotency>,
}

/// What became of one command of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AppendOutcome {
    /// The events are in the log, or there were none and the expected sequence holds.
    Appended { sequence: Sequence, position: Position },
    /// The stream or the guarded stream is not where the command expects it.
    Conflict,
    /// The key was used before by the same request.
    Replayed(RecordedAnswer),
    /// The key was used before by another request.
    KeyReused,
}

/// The answer of one call.
#[derive(Debug)]
pub(crate) struct BatchAnswer {
    pub(crate) log_id: Uuid,
    pub(crate) outcomes: Vec<AppendOutcome>,
}

const CALL: &str = "SELECT outcome, sequence, position, status, location, log_id
    FROM append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";

/// Sends a batch in one round trip. The whole response is read: an answer before the commit's is no answer.
///
/// # Errors
/// Whatever the database or the connection reports. Without an answer from the server the outcome is unknown.
pub(crate) async fn append(connection: &mut PgConnection, batch: &[Append]) -> Result<BatchAnswer, sqlx::Error> {
    let events = || {
        batch
            .iter()
            .enumerate()
            .flat_map(|(n, append)| append.events.iter().map(move |event| (n, event)))
    };
    let rows = sqlx::query(CALL)
        .bind(collect(batch, |a| a.aggregate_type))
        .bind(collect(batch, |a| a.aggregate_id.as_str()))
        .bind(collect(batch, |a| a.expected.0))
        .bind(collect(batch, |a| a.events.last().map(|event| event.event_id)))
        .bind(collect(batch, |a| a.guard.as_ref().map(|guard| guard.aggregate_type)))
        .bind(collect(batch, |a| {
            a.guard.as_ref().map(|guard| guard.aggregate_id.as_str())
        }))
        .bind(collect(batch, |a| a.guard.as_ref().map(|guard| guard.sequence.0)))
        .bind(collect(batch, |a| {
            a.idempotency.as_ref().map(|record| record.principal.as_str())
        }))
        .bind(collect(batch, |a| {
            a.idempotency.as_ref().map(|record| record.key.as_str())
        }))
        .bind(collect(batch, |a| {
            a.idempotency.as_ref().map(|record| record.request_hash.as_slice())
        }))
        .bind(collect(batch, |a| {
            a.idempotency.as_ref().map(|record| record.status as i16)
        }))
        .bind(collect(batch, |a| {
            a.idempotency.as_ref().and_then(|record| record.location.as_deref())
        }))
        .bind(events().map(|(n, _)| n as i64 + 1).collect::<Vec<_>>())
        .bind(events().map(|(_, event)| event.event_id).collect::<Vec<_>>())
        .bind(events().map(|(_, event)| event.event_type.as_str()).collect::<Vec<_>>())
        .bind(
            events()
                .map(|(_, event)| event.event_version.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(events().map(|(_, event)| event.payload.as_str()).collect::<Vec<_>>())
        .bind(events().map(|(n, _)| batch[n].metadata.as_str()).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    if rows.len() != batch.len() {
        return Err(sqlx::Error::Protocol(format!(
            "append answered {} of {} commands",
            rows.len(),
            batch.len()
        )));
    }
    let log_id = rows.first().map_or(Ok(Uuid::nil()), |row| row.try_get("log_id"))?;
    let outcomes = rows.iter().map(outcome).collect::<Result<_, _>>()?;
    Ok(BatchAnswer { log_id, outcomes })
}

fn collect<'a, T>(batch: &'a [Append], field: impl Fn(&'a Append) -> T) -> Vec<T> {
    batch.iter().map(field).collect()
}

fn outcome(row: &sqlx::postgres::PgRow) -> Result<AppendOutcome, sqlx::Error> {
    let sequence = Sequence(row.try_get("sequence")?);
    let position = Position(row.try_get("position")?);
    match row.try_get("outcome")? {
        "appended" => Ok(AppendOutcome::Appended { sequence, position }),
        "conflict" => Ok(AppendOutcome::Conflict),
        "key_reused" => Ok(AppendOutcome::KeyReused),
        "replayed" => Ok(AppendOutcome::Replayed(RecordedAnswer {
            status: row.try_get::<i16, _>("status")? as u16,
            sequence,
            position,
            location: row.try_get("location")?,
        })),
        other => Err(sqlx::Error::Protocol(format!(
            "append answered with an unknown outcome: {other}"
        ))),
    }
}
