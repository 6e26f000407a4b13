//! The verification: does the new generation hold what the log says, and in what does it differ from the live one.

use domain::Position;
use event_store::LogReader;
use futures::StreamExt;
use sqlx::{Connection, Executor, PgConnection};

use crate::control::{self, Checkpoint};
use crate::rebuild::compare::compare;
use crate::rebuild::failure::Failure;
use crate::rebuild::plan::Comparison;
use crate::rebuild::streams::{self, LogTotals};
use crate::rebuild::verification::Verification;
use crate::rebuild::work::{RANGE_POSITIONS_MAX, Work};
use crate::{Generation, Projection};

impl Work {
    /// Verifies in one transaction that sees both generations as they are at one moment: it first brings the new one to the
    /// position of the live one, then compares. Its commit leaves the new one at exactly that position.
    ///
    /// # Errors
    /// [`Failure::Unverified`] when the new generation is not what the log says, and as applying does. Differences between
    /// the two generations are no failure: they may be the reason for the rebuild.
    pub(super) async fn verify(&mut self) -> Result<(), Failure> {
        let mut tx = self.connection.begin().await?;
        tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
        let name = self.target.projection.name();
        let live = control::load(&mut tx, name).await?.ok_or(Failure::Fenced)?;
        let (compared_with, not_compared_because) = match &self.plan.comparison {
            Comparison::Impossible(reason) => (None, Some(*reason)),
            Comparison::Possible if live.checkpoint.position < self.at.position => {
                (None, Some("the live generation is behind the new one"))
            }
            Comparison::Possible => (Some(live.generation), None),
        };
        let mut at = self.at;
        if compared_with.is_some() {
            let mut ranges = self
                .plan
                .source
                .ranges(at.position, live.checkpoint.position, RANGE_POSITIONS_MAX);
            while let Some(range) = ranges.next().await {
                let range = range?;
                range.expect_behind(&at)?;
                self.target.apply(&mut tx, &range).await?;
                at = range.end;
            }
            expect_same_event(&at, &live.checkpoint)?;
        }
        let mut found = Verification {
            position: at.position.0,
            compared_with: compared_with.map(|generation| generation.number),
            not_compared_because: not_compared_because.map(str::to_owned),
            ..Verification::default()
        };
        let new = self.target.generation;
        let old = compared_with.map(|generation| generation.to_string());
        compare(&mut tx, &new.to_string(), old.as_deref(), &mut found).await?;
        let projection = &*self.target.projection;
        let log = self.plan.source.log();
        found.streams_checked = check_streams(&mut tx, projection, new, log, &mut self.totals, at.position).await?;
        tx.commit().await?;
        self.at = at;
        self.progress.reaches(at.position.0);
        self.progress.verified(found);
        Ok(())
    }
}

/// Expects two generations that are at one position to be there by the same history.
pub(super) fn expect_same_event(new: &Checkpoint, live: &Checkpoint) -> Result<(), Failure> {
    if new.position == live.position && new.event_id != live.event_id {
        return Err(Failure::LogChanged);
    }
    Ok(())
}

/// Counts the streams of the log and their events, and expects the tables to have as many. Streams with discarded events
/// are left out on both sides.
async fn check_streams(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    generation: Generation,
    log: &LogReader,
    totals: &mut LogTotals,
    position: Position,
) -> Result<i64, Failure> {
    let tables = projection.stream_tables();
    if tables.is_empty() {
        return Ok(0);
    }
    let left_out = streams::with_discarded_events(tx, projection.name()).await?;
    totals.count(log, position, left_out.clone()).await?;
    let mut checked = 0;
    for table in tables {
        let in_log = totals.of(table.aggregate_type);
        let in_table = streams::totals_of_table(tx, generation, table, &left_out).await?;
        if in_log != in_table {
            return Err(Failure::Unverified(format!(
                "the log has {} streams of the kind {} with {} events up to position {}, the table {} has {} with {}",
                in_log.streams,
                table.aggregate_type,
                in_log.events,
                position.0,
                table.table,
                in_table.streams,
                in_table.events
            )));
        }
        checked += in_log.streams;
    }
    Ok(checked)
}
