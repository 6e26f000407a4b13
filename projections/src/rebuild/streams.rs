//! How many streams there are and how many events they have: by the log, and by a read model's table.

use std::collections::BTreeMap;

use domain::Position;
use event_store::{KindTotal, LogReader};
use sqlx::PgConnection;

use crate::rebuild::failure::Failure;
use crate::{Generation, StreamTable};

/// Positions that the log counts at a time; the answer to each is a matter of a moment.
const COUNTED_AT_ONCE: i64 = 100_000;

/// Streams by type and id.
pub(crate) type Streams = Vec<(String, String)>;

/// Finds the streams of which an event was discarded: what became of their later events depends on which one it was.
pub(crate) async fn with_discarded_events(
    connection: &mut PgConnection,
    projection: &'static str,
) -> Result<Streams, sqlx::Error> {
    sqlx::query_as(
        "SELECT DISTINCT aggregate_type, aggregate_id FROM public.discarded_event WHERE projection = $1 ORDER BY 1, 2",
    )
    .bind(projection)
    .fetch_all(connection)
    .await
}

/// How many streams and events the log has up to a position, by kind.
#[derive(Default)]
pub(crate) struct LogTotals {
    to: Position,
    left_out: Streams,
    by_kind: BTreeMap<String, KindTotal>,
}

impl LogTotals {
    /// Counts up to a position; what was counted before, without the same streams, is not counted again.
    pub(crate) async fn count(&mut self, log: &LogReader, to: Position, left_out: Streams) -> Result<(), Failure> {
        if left_out != self.left_out || to < self.to {
            *self = Self {
                left_out,
                ..Self::default()
            };
        }
        while self.to < to {
            let end = to.min(Position(self.to.0 + COUNTED_AT_ONCE));
            for (kind, total) in log.totals(self.to, end, &self.left_out).await? {
                let sum = self.by_kind.entry(kind).or_default();
                sum.streams += total.streams;
                sum.events += total.events;
            }
            self.to = end;
        }
        Ok(())
    }

    /// What was counted of a kind.
    pub(crate) fn of(&self, kind: &str) -> KindTotal {
        self.by_kind.get(kind).copied().unwrap_or_default()
    }
}

/// Counts a table's streams and their events.
pub(crate) async fn totals_of_table(
    connection: &mut PgConnection,
    generation: Generation,
    table: &StreamTable,
    left_out: &Streams,
) -> Result<KindTotal, sqlx::Error> {
    let statement = format!(
        "SELECT count(*), coalesce(sum(sequence), 0)::bigint FROM {generation}.{} WHERE id <> ALL ($1)",
        table.table
    );
    let ids: Vec<&str> = left_out
        .iter()
        .filter(|(kind, _)| kind == table.aggregate_type)
        .map(|(_, id)| id.as_str())
        .collect();
    let (streams, events) = sqlx::query_as(&statement).bind(ids).fetch_one(connection).await?;
    Ok(KindTotal { streams, events })
}
