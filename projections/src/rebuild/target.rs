//! Applying ranges of the log to a generation that is not live.

use std::sync::Arc;

use sqlx::{Connection, Executor, PgConnection};

use crate::apply::batch::Batch;
use crate::apply::isolation;
use crate::rebuild::failure::Failure;
use crate::rebuild::generations::{self, Standing};
use crate::rebuild::source::{Range, Step};
use crate::{ApplyError, Generation, Projection};

/// A generation that is being built: every event applies, or the operation fails.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) projection: Arc<dyn Projection>,
    pub(crate) generation: Generation,
    pub(crate) standing: Standing,
}

impl Target {
    /// Applies a range and moves the generation's checkpoint, in a transaction of its own.
    ///
    /// # Errors
    /// [`Failure::Refused`], [`Failure::Fenced`], [`Failure::Database`].
    pub(crate) async fn commit(&self, connection: &mut PgConnection, range: &Range) -> Result<(), Failure> {
        let mut tx = connection.begin().await?;
        self.apply(&mut tx, range).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Applies a range and moves the generation's checkpoint, in the caller's transaction. Gives how many streams it parked.
    ///
    /// # Errors
    /// As [`Self::commit`]; the transaction is of no more use then.
    pub(crate) async fn apply(&self, tx: &mut PgConnection, range: &Range) -> Result<i64, Failure> {
        for step in &range.steps {
            match step {
                Step::Apply(batch) => self.apply_all(tx, batch).await?,
                Step::PassOver(event) => {
                    let passed = self.projection.discard(tx, &self.generation, event).await;
                    passed.map_err(|error| Failure::of_apply(event, error))?;
                }
            }
        }
        let name = self.projection.name();
        if generations::advance(tx, name, self.generation, &range.end, 0).await? {
            Ok(0)
        } else {
            Err(Failure::Fenced)
        }
    }

    /// Applies events together; when they are refused for what they are, finds out which one is.
    async fn apply_all(&self, tx: &mut PgConnection, batch: &Batch) -> Result<(), Failure> {
        let mut savepoint = tx.begin().await?;
        let error = match self.try_apply(&mut savepoint, batch).await {
            Ok(()) => return Ok(savepoint.commit().await?),
            Err(error) => error,
        };
        if !error.is_deterministic() {
            return Err(Failure::of_passing(error));
        }
        savepoint.rollback().await?;
        let (_, open) = batch.split(&[]);
        let (mut refused, _) = isolation::apply_apart(tx, &*self.projection, &self.generation, batch, &open)
            .await
            .map_err(Failure::of_passing)?;
        refused.sort_by_key(|(event, _)| event.position);
        match refused.first() {
            Some((event, reason)) => Err(Failure::refused(event, reason)),
            // Together they fail and apart they do not: nothing can be said of a single one.
            None => Err(Failure::of_passing(error)),
        }
    }

    async fn try_apply(&self, tx: &mut PgConnection, batch: &Batch) -> Result<(), ApplyError> {
        self.projection.apply(tx, &self.generation, &batch.recorded).await?;
        // What a constraint has to say at the commit, it shall say now, while it is known of which events.
        tx.execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
        tx.execute("SET CONSTRAINTS ALL DEFERRED").await?;
        Ok(())
    }
}
