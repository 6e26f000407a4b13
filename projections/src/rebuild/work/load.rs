//! The load: the bulk of the log, at once if the projection can do that.

use domain::Position;
use event_store::Share;
use futures::StreamExt;
use sqlx::{Connection, Executor};

use crate::apply::failure::refused_for_its_data;
use crate::bulk::BulkLoad;
use crate::control::Checkpoint;
use crate::rebuild::failure::Failure;
use crate::rebuild::generations;
use crate::rebuild::source::{Range, Step};
use crate::rebuild::streams;
use crate::rebuild::tables;
use crate::rebuild::work::Work;

impl Work {
    /// Applies the log up to where the comparison begins. What the database refuses for its data is applied again in pieces,
    /// which tell of which event it is.
    pub(super) async fn load(&mut self) -> Result<(), Failure> {
        let Some(mut bulk) = self.target.projection.bulk_load() else {
            return self.apply_to(self.plan.load_to).await;
        };
        match self.load_with(&mut bulk).await {
            Err(Failure::Database(error)) if refused_for_its_data(&error) => {}
            loaded => return loaded,
        }
        tracing::warn!(
            projection = self.target.projection.name(),
            "the load was refused and is done again in pieces"
        );
        self.empty().await?;
        self.apply_to(self.plan.load_to).await
    }

    /// Loads one share of the streams after the other. Each goes through the whole log, but takes from it only what is its own.
    async fn load_with(&mut self, bulk: &mut BulkLoad) -> Result<(), Failure> {
        let to = self.plan.load_to;
        self.progress.expects(to.0);
        let shares = BulkLoad::shares(self.count_streams(bulk, to).await?).max(1);
        let mut at = self.at;
        let mut end = None;
        for (share, behind) in Share::all(shares).zip(0..) {
            let source = self.plan.source.clone().of_share(share);
            at = self.at;
            let mut ranges = source.ranges(self.at.position, to, self.pace.positions_max());
            while let Some(range) = ranges.next().await {
                let range = range?;
                range.expect_behind(&at)?;
                fold(bulk, &range)?;
                at = range.end;
                self.progress.reaches((behind * to.0 + at.position.0) / shares);
                self.pace.after(range.positions).await;
            }
            if end.replace(at.event_id).is_some_and(|before| before != at.event_id) {
                return Err(Failure::LogChanged);
            }
            let mut tx = self.connection.begin().await?;
            let generation = self.target.generation;
            bulk.write(&mut tx, &generation).await.map_err(Failure::of_passing)?;
            let is_all = behind + 1 == shares;
            if is_all && !generations::advance(&mut tx, self.target.projection.name(), generation, &at, 0).await? {
                return Err(Failure::Fenced);
            }
            tx.commit().await?;
        }
        self.at = at;
        Ok(())
    }

    /// Counts the streams to load. Few positions cannot have too many and are not looked at.
    async fn count_streams(&mut self, bulk: &mut BulkLoad, to: Position) -> Result<i64, Failure> {
        if BulkLoad::shares(to.0) <= 1 {
            return Ok(to.0);
        }
        let left_out = streams::with_discarded_events(&mut self.connection, self.target.projection.name()).await?;
        self.totals.count(self.plan.source.log(), to, left_out).await?;
        Ok(bulk.kinds().map(|kind| self.totals.of(kind).streams).sum())
    }

    /// Begins anew.
    async fn empty(&mut self) -> Result<(), Failure> {
        let schema = self.target.generation.to_string();
        let mut tx = self.connection.begin().await?;
        for table in tables::of_schema(&mut tx, &schema).await?.keys() {
            let truncate = format!("TRUNCATE {schema}.{table}");
            tx.execute(truncate.as_str()).await?;
        }
        tx.commit().await?;
        self.at = Checkpoint::default();
        Ok(())
    }
}

fn fold(bulk: &mut BulkLoad, range: &Range) -> Result<(), Failure> {
    for step in &range.steps {
        match step {
            Step::Apply(batch) => {
                let applied = bulk.apply(&batch.recorded);
                applied.map_err(|error| Failure::of_events(&batch.recorded, error))?;
            }
            Step::PassOver(event) => bulk.discard(event),
        }
    }
    Ok(())
}
