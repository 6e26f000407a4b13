//! Loading a whole history at once: rows are folded in memory and written when they are final, by COPY.
//!
//! As long as all rows fit into memory, the database is not asked anything. Beyond that they are written and forgotten,
//! and loaded again when an event of their stream comes.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::Envelope;
use sqlx::PgConnection;

use crate::row::copy::CopyRows;
use crate::row::{Table, fold, load};
use crate::{ApplyError, Generation, Recorded};

/// Rows in memory: some hundred MB at most.
const RESIDENT_ROWS_MAX: usize = 200_000;
/// Rows written in one statement where COPY cannot replace them.
const STORED_AT_ONCE: usize = 2_000;
/// Sent to the database at once.
const COPY_BYTES: usize = 256 * 1024;

/// The tables of a generation that is loaded from the beginning of the log.
pub struct BulkLoad {
    tables: Vec<Box<dyn BulkTable>>,
    resident_rows_max: usize,
}

impl std::fmt::Debug for BulkLoad {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BulkLoad").finish_non_exhaustive()
    }
}

impl BulkLoad {
    /// Loads these tables, each from the streams of its kind.
    pub(crate) fn of(tables: Vec<Box<dyn BulkTable>>) -> Self {
        Self {
            tables,
            resident_rows_max: RESIDENT_ROWS_MAX,
        }
    }

    /// Applies events in position order.
    ///
    /// # Errors
    /// As [`crate::Projection::apply`]; the load is of no more use then.
    pub(crate) async fn apply(
        &mut self,
        tx: &mut PgConnection,
        generation: &Generation,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        for table in &mut self.tables {
            let kind = table.aggregate_type();
            let of_kind: Vec<&Recorded> = events
                .iter()
                .filter(|event| event.envelope.aggregate_type == kind)
                .collect();
            table.apply(tx, generation, &of_kind).await?;
        }
        if self.tables.iter().map(|table| table.resident_rows()).sum::<usize>() > self.resident_rows_max {
            self.write(tx, generation).await?;
        }
        Ok(())
    }

    /// Passes over an event, as [`crate::Projection::discard`] does.
    ///
    /// # Errors
    /// What the database refuses.
    pub(crate) async fn discard(
        &mut self,
        tx: &mut PgConnection,
        generation: &Generation,
        event: &Envelope,
    ) -> Result<(), ApplyError> {
        for table in &mut self.tables {
            if table.aggregate_type() == event.aggregate_type {
                table.discard(tx, generation, event).await?;
            }
        }
        Ok(())
    }

    /// Writes the rows in memory and forgets them.
    ///
    /// # Errors
    /// What the database refuses.
    pub(crate) async fn write(&mut self, tx: &mut PgConnection, generation: &Generation) -> Result<(), ApplyError> {
        for table in &mut self.tables {
            table.write(tx, generation).await?;
        }
        Ok(())
    }
}

/// One table of a bulk load.
#[async_trait]
pub(crate) trait BulkTable: Send {
    fn aggregate_type(&self) -> &'static str;
    fn resident_rows(&self) -> usize;
    async fn apply(
        &mut self,
        tx: &mut PgConnection,
        generation: &Generation,
        events: &[&Recorded],
    ) -> Result<(), ApplyError>;
    async fn discard(
        &mut self,
        tx: &mut PgConnection,
        generation: &Generation,
        event: &Envelope,
    ) -> Result<(), ApplyError>;
    async fn write(&mut self, tx: &mut PgConnection, generation: &Generation) -> Result<(), ApplyError>;
}

/// Loads a table from the streams of a kind.
pub(crate) fn table<T: Table + 'static>(aggregate_type: &'static str) -> Box<dyn BulkTable> {
    Box::new(Resident::<T> {
        aggregate_type,
        rows: BTreeMap::new(),
        is_written: false,
    })
}

/// The rows in memory, sorted by key.
struct Resident<T> {
    aggregate_type: &'static str,
    rows: BTreeMap<String, T>,
    /// Whether the table has rows that are not in memory.
    is_written: bool,
}

impl<T: Table> Resident<T> {
    /// Makes sure that the rows there are of these streams are in memory.
    async fn call_back(
        &mut self,
        tx: &mut PgConnection,
        generation: &Generation,
        ids: impl Iterator<Item = &str> + Send,
    ) -> Result<(), ApplyError> {
        if !self.is_written {
            return Ok(());
        }
        let mut ids: Vec<&str> = ids.filter(|id| !self.rows.contains_key(*id)).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(());
        }
        for row in load::<T>(tx, generation, &ids).await? {
            self.rows.insert(row.id().to_owned(), row);
        }
        Ok(())
    }
}

#[async_trait]
impl<T: Table + 'static> BulkTable for Resident<T> {
    fn aggregate_type(&self) -> &'static str {
        self.aggregate_type
    }

    fn resident_rows(&self) -> usize {
        self.rows.len()
    }

    async fn apply(
        &mut self,
        tx: &mut PgConnection,
        generation: &Generation,
        events: &[&Recorded],
    ) -> Result<(), ApplyError> {
        let ids = events.iter().map(|event| event.envelope.aggregate_id.as_str());
        self.call_back(tx, generation, ids).await?;
        fold(&mut self.rows, events.iter().copied())
    }

    async fn discard(
        &mut self,
        tx: &mut PgConnection,
        generation: &Generation,
        event: &Envelope,
    ) -> Result<(), ApplyError> {
        let id = event.aggregate_id.as_str();
        self.call_back(tx, generation, std::iter::once(id)).await?;
        if let Some(row) = self.rows.get_mut(id) {
            row.pass_over(event.sequence);
        }
        Ok(())
    }

    async fn write(&mut self, tx: &mut PgConnection, generation: &Generation) -> Result<(), ApplyError> {
        let rows: Vec<T> = std::mem::take(&mut self.rows).into_values().collect();
        if std::mem::replace(&mut self.is_written, true) {
            for rows in rows.chunks(STORED_AT_ONCE) {
                T::store(tx, generation, rows).await?;
            }
            return Ok(());
        }
        copy(tx, generation, &rows).await?;
        Ok(())
    }
}

/// Writes rows, none of which is there yet.
async fn copy<T: Table>(tx: &mut PgConnection, generation: &Generation, rows: &[T]) -> Result<(), sqlx::Error> {
    let (table, columns) = (T::NAME, T::COLUMNS);
    let statement = format!("COPY {generation}.{table} ({columns}) FROM STDIN (FORMAT binary)");
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
