//! The seam between a batch of events and a table: load the rows of the batch's streams, fold, store the final states.

pub(crate) mod copy;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use domain::{Envelope, Sequence};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection};

use crate::{ApplyError, Generation, Recorded};

/// What one stream has come to: the one row it has in a table.
///
/// A row is written by the events of its own stream and by nothing else, so that streams can be applied in any
/// interleaving. It stays, marked `gone`, when the stream has ended: the end is a state like any other.
pub(crate) trait Row: Clone + Send + Sync + Sized {
    /// Makes the row of a stream from its first event.
    fn begin(recorded: &Recorded) -> Result<Self, Contradiction>;

    /// Takes in the stream's next event. A row that refuses an event may be left half changed: drop it.
    fn apply(&mut self, recorded: &Recorded) -> Result<(), Contradiction>;

    /// Moves behind an event that changes nothing more. A row that is not just before the event stays where it is, and the
    /// event that comes next will say so.
    fn pass_over(&mut self, sequence: Sequence);

    /// The stream's id, and the row's key.
    fn id(&self) -> &str;
}

/// Where the rows of one kind are kept.
pub(crate) trait Table: Row + for<'r> FromRow<'r, PgRow> + Unpin {
    /// Name of the table in its generation's schema.
    const NAME: &'static str;
    /// The columns of a row, as they stand in a select list.
    const COLUMNS: &'static str;
    /// The columns that follow from the others, each with a comma before it: they are written and never read back.
    const DERIVED: &'static str = "";

    /// Writes the row's fields, as many as there are columns, derived ones behind the others, and in their order.
    fn copy(&self, rows: &mut copy::CopyRows) -> Result<(), sqlx::Error>;

    /// Writes the rows, new or not, in one statement. No id occurs twice.
    fn store(
        tx: &mut PgConnection,
        generation: &Generation,
        rows: &[Self],
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

/// Why an event cannot be the next one of its row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Contradiction {
    /// An event is missing in between, or this one was applied before.
    #[error("sequence {found} does not follow sequence {last}")]
    OutOfSequence {
        /// The sequence of the last event applied; 0 when there is none.
        last: i64,
        /// The sequence of this event.
        found: i64,
    },
    /// The stream ended with an earlier event.
    #[error("{event_type} comes after the end of its stream")]
    Ended {
        /// The type of this event.
        event_type: String,
    },
    /// The first event of a stream does not open it, a later one does, or the event is of another kind of stream.
    #[error("{event_type} has no place at sequence {found} of this stream")]
    Misplaced {
        /// The type of this event.
        event_type: String,
        /// The sequence of this event.
        found: i64,
    },
}

impl Contradiction {
    /// The event has no place where it stands.
    pub(crate) fn misplaced(recorded: &Recorded) -> Self {
        Self::Misplaced {
            event_type: recorded.envelope.event_type.clone(),
            found: recorded.envelope.sequence.0,
        }
    }
}

/// Refuses every event but the next one of a stream that has come to `last` and has not ended.
pub(crate) fn expect_next(last: Sequence, gone: bool, recorded: &Recorded) -> Result<(), Contradiction> {
    let found = recorded.envelope.sequence.0;
    if found != last.0 + 1 {
        return Err(Contradiction::OutOfSequence { last: last.0, found });
    }
    if gone {
        return Err(Contradiction::Ended {
            event_type: recorded.envelope.event_type.clone(),
        });
    }
    Ok(())
}

/// Folds events into the rows of their streams; `rows` holds every row there is of these streams.
///
/// # Errors
/// [`ApplyError::Rule`] at the first event that contradicts its row.
pub(crate) fn fold<'a, R: Row>(
    rows: &mut HashMap<String, R>,
    events: impl IntoIterator<Item = &'a Recorded>,
) -> Result<(), ApplyError> {
    for recorded in events {
        let envelope = &recorded.envelope;
        let folded = match rows.get_mut(&envelope.aggregate_id) {
            Some(row) => row.apply(recorded),
            None => expect_next(Sequence(0), false, recorded).and_then(|()| {
                rows.insert(envelope.aggregate_id.clone(), R::begin(recorded)?);
                Ok(())
            }),
        };
        folded.map_err(|contradiction| ApplyError::Rule {
            position: envelope.position,
            reason: contradiction.to_string(),
        })?;
    }
    Ok(())
}

/// Applies events of one kind of stream to their table, in the caller's transaction: two statements, whatever the number.
///
/// # Errors
/// [`ApplyError::Rule`] when an event contradicts its row (then nothing is written), and what the database refuses.
pub(crate) async fn project<T: Table>(
    tx: &mut PgConnection,
    generation: &Generation,
    events: &[&Recorded],
) -> Result<(), ApplyError> {
    if events.is_empty() {
        return Ok(());
    }
    let mut ids: Vec<&str> = events
        .iter()
        .map(|recorded| recorded.envelope.aggregate_id.as_str())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let loaded = load::<T>(tx, generation, &ids).await.map_err(ApplyError::Database)?;
    let mut rows = loaded.into_iter().map(|row| (row.id().to_owned(), row)).collect();
    fold(&mut rows, events.iter().copied())?;
    let rows: Vec<T> = rows.into_values().collect();
    T::store(tx, generation, &rows).await.map_err(ApplyError::Database)
}

/// Loads the rows there are of these streams.
///
/// A probe of the primary key for each id, spelled out: the plan is made once per connection, often while the table is
/// new and without statistics, and must serve when it is large.
pub(crate) async fn load<T: Table>(
    tx: &mut PgConnection,
    generation: &Generation,
    ids: &[&str],
) -> Result<Vec<T>, sqlx::Error> {
    let (table, columns) = (T::NAME, T::COLUMNS);
    let statement = format!(
        "SELECT {columns} FROM unnest($1::text[]) AS wanted(wanted_id) \
         CROSS JOIN LATERAL (SELECT {columns} FROM {generation}.{table} WHERE id = wanted_id LIMIT 1) AS found"
    );
    sqlx::query_as(&statement).bind(ids).fetch_all(tx).await
}

/// Moves a stream's row behind an event that changes nothing more, for an operator has discarded it. Without a row, or with
/// one that is not just before the event, nothing changes, and the event that comes next will say so.
///
/// # Errors
/// What the database refuses.
pub(crate) async fn pass_over<T: Table>(
    tx: &mut PgConnection,
    generation: &Generation,
    event: &Envelope,
) -> Result<(), ApplyError> {
    let table = T::NAME;
    let statement = format!("UPDATE {generation}.{table} SET sequence = $2 WHERE id = $1 AND sequence = $2 - 1");
    sqlx::query(&statement)
        .bind(&event.aggregate_id)
        .bind(event.sequence.0)
        .execute(tx)
        .await
        .map(drop)
        .map_err(ApplyError::Database)
}

/// Finds one row, gone or not.
pub(crate) async fn find<T: Table>(
    connection: &mut PgConnection,
    generation: &Generation,
    id: &str,
) -> Result<Option<T>, sqlx::Error> {
    let (table, columns) = (T::NAME, T::COLUMNS);
    let statement = format!("SELECT {columns} FROM {generation}.{table} WHERE id = $1");
    sqlx::query_as(&statement).bind(id).fetch_optional(connection).await
}

/// Refuses every event but the next one of a stream that has come to `last`; once it has ended, also every one that does not
/// begin it anew.
pub(crate) fn expect_next_or_new_beginning(
    last: Sequence,
    gone: bool,
    begins: bool,
    recorded: &Recorded,
) -> Result<(), Contradiction> {
    expect_next(last, gone && !begins, recorded)?;
    if begins && !gone {
        return Err(Contradiction::misplaced(recorded));
    }
    Ok(())
}

/// Writes a value as JSON, to be cast by the statement.
///
/// # Errors
/// [`sqlx::Error::Encode`].
pub(crate) fn json_text(value: &impl serde::Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Writes texts as a JSON array, the form in which an array goes into one element of an UNNEST: an array of arrays has no
/// type of its own there, and JSON carries any text.
pub(crate) fn json_texts(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}
