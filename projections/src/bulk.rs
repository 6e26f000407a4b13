//! Loading a whole history at once: rows are folded in memory and written by COPY when they are final.
//!
//! A history of more streams than fit into memory is loaded in shares of its streams, one after another: each row is written
//! once, whatever the order of the events, and the database is asked for none of them.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use async_trait::async_trait;
use domain::Envelope;
use sqlx::PgConnection;

use crate::row::copy::CopyRows;
use crate::row::{Table, fold};
use crate::{ApplyError, Generation, Recorded};

/// Streams whose rows are in memory at a time: a hundred MB or two.
const RESIDENT_STREAMS_MAX: i64 = 200_000;
/// Sent to the database at once.
const COPY_BYTES: usize = 256 * 1024;

/// The tables of a generation that is loaded from the beginning of the log.
pub struct BulkLoad {
    tables: Vec<Box<dyn BulkTable>>,
}

impl std::fmt::Debug for BulkLoad {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BulkLoad").finish_non_exhaustive()
    }
}

impl BulkLoad {
    /// Loads these tables, each from the streams of its kind.
    pub(crate) fn of(tables: Vec<Box<dyn BulkTable>>) -> Self {
        Self { tables }
    }

    /// Lists the kinds of streams that are loaded.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.tables.iter().map(|table| table.aggregate_type())
    }

    /// In how many shares so many streams are to be loaded.
    pub(crate) fn shares(streams: i64) -> i64 {
        (streams + RESIDENT_STREAMS_MAX - 1) / RESIDENT_STREAMS_MAX
    }

    /// Applies events in position order.
    ///
    /// # Errors
    /// As [`crate::Projection::apply`]; the load is of no more use then.
    pub(crate) fn apply(&mut self, events: &[Recorded]) -> Result<(), ApplyError> {
        for event in events {
            for table in self.tables_of(&event.envelope) {
                table.apply(event)?;
            }
        }
        Ok(())
    }

    /// Passes over an event, as [`crate::Projection::discard`] does.
    pub(crate) fn discard(&mut self, event: &Envelope) {
        for table in self.tables_of(event) {
            table.discard(event);
        }
    }

    /// Writes the rows and forgets them. No event of their streams may come any more.
    ///
    /// # Errors
    /// What the database refuses.
    pub(crate) async fn write(&mut self, tx: &mut PgConnection, generation: &Generation) -> Result<(), ApplyError> {
        for table in &mut self.tables {
            table.write(tx, generation).await?;
        }
        Ok(())
    }

    fn tables_of(&mut self, event: &Envelope) -> impl Iterator<Item = &mut Box<dyn BulkTable>> {
        let kind = event.aggregate_type.as_str();
        self.tables
            .iter_mut()
            .filter(move |table| table.aggregate_type() == kind)
    }
}

/// One table of a bulk load.
#[async_trait]
pub(crate) trait BulkTable: Send {
    fn aggregate_type(&self) -> &'static str;
    fn apply(&mut self, event: &Recorded) -> Result<(), ApplyError>;
    fn discard(&mut self, event: &Envelope);
    async fn write(&mut self, tx: &mut PgConnection, generation: &Generation) -> Result<(), ApplyError>;
}

/// Loads a table from the streams of a kind.
pub(crate) fn table<T: Table + 'static>(aggregate_type: &'static str) -> Box<dyn BulkTable> {
    Box::new(Resident::<T> {
        aggregate_type,
        rows: HashMap::new(),
    })
}

/// The rows in memory, by key.
struct Resident<T> {
    aggregate_type: &'static str,
    rows: HashMap<String, T>,
}

#[async_trait]
impl<T: Table + 'static> BulkTable for Resident<T> {
    fn aggregate_type(&self) -> &'static str {
        self.aggregate_type
    }

    fn apply(&mut self, event: &Recorded) -> Result<(), ApplyError> {
        fold(&mut self.rows, [event])
    }

    fn discard(&mut self, event: &Envelope) {
        if let Some(row) = self.rows.get_mut(&event.aggregate_id) {
            row.pass_over(event.sequence);
        }
    }

    async fn write(&mut self, tx: &mut PgConnection, generation: &Generation) -> Result<(), ApplyError> {
        let rows = std::mem::take(&mut self.rows);
        let mut rows: Vec<&T> = rows.values().collect();
        // In the order of the primary key, whose index then grows at its end.
        rows.sort_unstable_by(|one, other| one.id().cmp(other.id()));
        copy(tx, generation, &rows).await?;
        Ok(())
    }
}

/// Writes rows, none of which is there yet.
async fn copy<T: Table>(tx: &mut PgConnection, generation: &Generation, rows: &[&T]) -> Result<(), sqlx::Error> {
    let (table, columns, derived) = (T::NAME, T::COLUMNS, T::DERIVED);
    let statement = format!("COPY {generation}.{table} ({columns}{derived}) FROM STDIN (FORMAT binary)");
    let mut copying = tx.copy_in_raw(&statement).await?;
    let mut bytes = CopyRows::begin();
    for row in rows {
        row.copy(&mut bytes)?;
        if bytes.len() >= COPY_BYTES {
            copying.send(bytes.take()).await?;
        }
    }
    bytes.end();
    copying.send(bytes.take()).await?;
    copying.finish().await?;
    Ok(())
}
