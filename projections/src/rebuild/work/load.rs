//! The load: the bulk of the log, at once if the projection can do that.

use futures::StreamExt;
use sqlx::{Connection, Executor, PgConnection};

use crate::Generation;
use crate::apply::failure::refused_for_its_data;
use crate::bulk::BulkLoad;
use crate::control::Checkpoint;
use crate::rebuild::failure::Failure;
use crate::rebuild::generations;
use crate::rebuild::source::{Range, Step};
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

    async fn load_with(&mut self, bulk: &mut BulkLoad) -> Result<(), Failure> {
        let to = self.plan.load_to;
        self.progress.expects(to.0);
        let generation = self.target.generation;
        let mut at = self.at;
        let mut ranges = self.plan.source.ranges(at.position, to, self.pace.positions_max());
        while let Some(range) = ranges.next().await {
            let range = range?;
            let mut tx = self.connection.begin().await?;
            fold(bulk, &mut tx, &generation, &range).await?;
            tx.commit().await?;
            at = range.end;
            self.progress.reaches(at.position.0);
            self.pace.after(range.positions).await;
        }
        let mut tx = self.connection.begin().await?;
        bulk.write(&mut tx, &generation).await.map_err(Failure::of_passing)?;
        if !generations::advance(&mut tx, self.target.projection.name(), generation, &at, 0).await? {
            return Err(Failure::Fenced);
        }
        tx.commit().await?;
        self.at = at;
        Ok(())
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

async fn fold(
    bulk: &mut BulkLoad,
    tx: &mut PgConnection,
    generation: &Generation,
    range: &Range,
) -> Result<(), Failure> {
    for step in &range.steps {
        match step {
            Step::Apply(batch) => {
                let applied = bulk.apply(tx, generation, &batch.recorded).await;
                applied.map_err(|error| Failure::of_events(&batch.recorded, error))?;
            }
            Step::PassOver(event) => {
                let passed = bulk.discard(tx, generation, event).await;
                passed.map_err(|error| Failure::of_apply(event, error))?;
            }
        }
    }
    Ok(())
}
