//! One call of the append function: a batch of commands out, an outcome per command back.

use domain::{Position, Sequence};
use sqlx::PgConnection;
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

impl AppendOutcome {
    fn is_success(&self) -> bool {
        matches!(self, Self::Appended { .. } | Self::Replayed(_))
    }
}

/// The answer of one call.
#[derive(Debug)]
pub(crate) struct BatchAnswer {
    pub(crate) log_id: Uuid,
    pub(crate) outcomes: Vec<AppendOutcome>,
    /// Whether commits wait for a standby.
    pub(crate) synchronous: bool,
    /// Whether it rests on nothing but what earlier transactions wrote, where commits wait for a standby: then the standby may
    /// lack that. A call that wrote something itself has waited, and for all that it read too.
    pub(crate) awaits_standby: bool,
}

const CALL: &str = "SELECT log_id, first_position, outcome, sequence, position, status, location,
        current_setting('synchronous_standby_names') <> '' AS synchronous,
        pg_current_xact_id_if_assigned() IS NULL AS wrote_nothing
    FROM append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";

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
    let rows: Vec<AnswerRow> = sqlx::query_as(CALL)
        .bind(collect(batch, |a| a.aggregate_type))
        .bind(collect(batch, |a| a.aggregate_id.as_str()))
        .bind(collect(batch, |a| a.expected.0))
        .bind(collect(batch, |a| a.events.last().map(|event| event.event_id)))
        .bind(collect_some(
            batch,
            |a| a.guard.as_ref(),
            |guard| Some(guard.aggregate_type),
        ))
        .bind(collect_some(
            batch,
            |a| a.guard.as_ref(),
            |guard| Some(guard.aggregate_id.as_str()),
        ))
        .bind(collect_some(
            batch,
            |a| a.guard.as_ref(),
            |guard| Some(guard.sequence.0),
        ))
        .bind(collect_some(
            batch,
            |a| a.idempotency.as_ref(),
            |record| Some(record.principal.as_str()),
        ))
        .bind(collect_some(
            batch,
            |a| a.idempotency.as_ref(),
            |record| Some(record.key.as_str()),
        ))
        .bind(collect_some(
            batch,
            |a| a.idempotency.as_ref(),
            |record| Some(record.request_hash.as_slice()),
        ))
        .bind(collect_some(
            batch,
            |a| a.idempotency.as_ref(),
            |record| Some(record.status as i16),
        ))
        .bind(collect_some(
            batch,
            |a| a.idempotency.as_ref(),
            |record| record.location.as_deref(),
        ))
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
    let Some(row) = rows.into_iter().next() else {
        return Err(unexpected("nothing"));
    };
    let (synchronous, wrote_nothing) = (row.synchronous, row.wrote_nothing);
    Ok(match row.first_position {
        Some(first) => BatchAnswer {
            log_id: row.log_id,
            outcomes: all_appended(batch, first),
            synchronous,
            awaits_standby: false,
        },
        None => {
            let (log_id, outcomes) = (row.log_id, row.outcomes(batch.len())?);
            let awaits_standby = synchronous && wrote_nothing && outcomes.iter().any(AppendOutcome::is_success);
            BatchAnswer {
                log_id,
                outcomes,
                synchronous,
                awaits_standby,
            }
        }
    })
}

fn collect<'a, T>(batch: &'a [Append], field: impl Fn(&'a Append) -> T) -> Vec<T> {
    batch.iter().map(field).collect()
}

/// A field of what only some commands have. Where none has it the array is empty, which stands for as many nulls as there
/// are commands: most batches have neither guards nor keys, and the server need not read eight arrays of nulls.
fn collect_some<'a, P: 'a, T>(
    batch: &'a [Append],
    part: impl Fn(&'a Append) -> Option<&'a P>,
    field: impl Fn(&'a P) -> Option<T>,
) -> Vec<Option<T>> {
    if batch.iter().all(|append| part(append).is_none()) {
        return Vec::new();
    }
    batch.iter().map(|append| part(append).and_then(&field)).collect()
}

/// Where the events of a batch are that was appended as a whole, in order from `first`.
fn all_appended(batch: &[Append], first: i64) -> Vec<AppendOutcome> {
    let mut position = first - 1;
    let appended = batch.iter().map(|append| {
        let events = append.events.len() as i64;
        position += events;
        AppendOutcome::Appended {
            sequence: Sequence(append.expected.0 + events),
            position: Position(position),
        }
    });
    appended.collect()
}

/// What the function answers: see its migration.
#[derive(sqlx::FromRow)]
struct AnswerRow {
    log_id: Uuid,
    first_position: Option<i64>,
    outcome: Option<Vec<String>>,
    sequence: Option<Vec<i64>>,
    position: Option<Vec<i64>>,
    status: Option<Vec<Option<i16>>>,
    location: Option<Vec<Option<String>>>,
    synchronous: bool,
    wrote_nothing: bool,
}

impl AnswerRow {
    /// One outcome for each of `commands`.
    fn outcomes(self, commands: usize) -> Result<Vec<AppendOutcome>, sqlx::Error> {
        let (Some(outcomes), Some(sequences), Some(positions), Some(statuses), Some(locations)) =
            (self.outcome, self.sequence, self.position, self.status, self.location)
        else {
            return Err(unexpected("neither for all commands nor for each"));
        };
        if outcomes.len() != commands {
            return Err(unexpected("another number of commands"));
        }
        let places = sequences
            .into_iter()
            .map(Sequence)
            .zip(positions.into_iter().map(Position));
        let records = statuses.into_iter().zip(locations);
        let answers = outcomes.into_iter().zip(places).zip(records);
        answers
            .map(
                |((outcome, (sequence, position)), (status, location))| match outcome.as_str() {
                    "appended" => Ok(AppendOutcome::Appended { sequence, position }),
                    "conflict" => Ok(AppendOutcome::Conflict),
                    "key_reused" => Ok(AppendOutcome::KeyReused),
                    "replayed" => Ok(AppendOutcome::Replayed(RecordedAnswer {
                        status: status.unwrap_or_default() as u16,
                        sequence,
                        position,
                        location,
                        log_id: self.log_id,
                    })),
                    other => Err(unexpected(other)),
                },
            )
            .collect()
    }
}

fn unexpected(answer: &str) -> sqlx::Error {
    sqlx::Error::Protocol(format!("append answered with what it should not: {answer}"))
}
