//! Applying ranges of the log to a generation that is not live.

use std::sync::Arc;

use domain::Envelope;
use sqlx::{Connection, Executor, PgConnection};

use crate::apply::batch::Batch;
use crate::apply::{Manner, apply_or_park, isolation};
use crate::parked::{self, Reason};
use crate::rebuild::failure::Failure;
use crate::rebuild::generations::{self, Standing};
use crate::rebuild::source::{Range, Step};
use crate::{ApplyError, Generation, Projection};

/// A generation that is not live. To one that is being built every event applies, or the operation fails; of one that was
/// live before and is caught up, what cannot be applied is parked, as it would have been then.
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
        let name = self.projection.name();
        let aside = generations::hold(tx, name, self.generation, self.standing).await?;
        let mut parked_streams = aside.ok_or(Failure::Fenced)?.parked_streams;
        let mut newly_parked = 0;
        for step in &range.steps {
            match step {
                Step::Apply(batch) if self.standing == Standing::Building => self.apply_all(tx, batch).await?,
                Step::Apply(batch) => {
                    let streams = self.apply_or_park(tx, parked_streams, batch).await?;
                    parked_streams += streams;
                    newly_parked += streams;
                }
                Step::PassOver(event) if parked_streams > 0 && self.is_parked(tx, event).await? => {
                    // It is passed over when those before it are retried.
                    parked::park(tx, &self.generation, &[(event, Reason::BehindParked)]).await?;
                }
                Step::PassOver(event) => self.pass_over(tx, event).await?,
            }
        }
        if generations::advance(tx, name, self.generation, &range.end, newly_parked).await? {
            Ok(newly_parked)
        } else {
            Err(Failure::Fenced)
        }
    }

    /// Applies a range as to a generation that is being built, and moves no checkpoint.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub(crate) async fn replay(&self, tx: &mut PgConnection, range: &Range) -> Result<(), Failure> {
        for step in &range.steps {
            match step {
                Step::Apply(batch) => self.apply_all(tx, batch).await?,
                Step::PassOver(event) => self.pass_over(tx, event).await?,
            }
        }
        Ok(())
    }

    async fn pass_over(&self, tx: &mut PgConnection, event: &Envelope) -> Result<(), Failure> {
        let passed = self.projection.discard(tx, &self.generation, event).await;
        passed.map_err(|error| Failure::of_apply(event, error))
    }

    async fn is_parked(&self, tx: &mut PgConnection, event: &Envelope) -> Result<bool, sqlx::Error> {
        let stream = (event.aggregate_type.as_str(), event.aggregate_id.as_str());
        Ok(!parked::among(tx, &self.generation, &[stream]).await?.is_empty())
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

    /// Applies events as the consumer does to the live generation.
    async fn apply_or_park(&self, tx: &mut PgConnection, parked_streams: i64, batch: &Batch) -> Result<i64, Failure> {
        let (projection, generation) = (&*self.projection, &self.generation);
        if batch.malformed.is_empty() {
            let mut savepoint = tx.begin().await?;
            let together = apply_or_park(
                &mut savepoint,
                projection,
                generation,
                parked_streams,
                batch,
                Manner::Together,
            );
            let together = together.await;
            if let Ok((_, newly_parked)) = together {
                savepoint.execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
                savepoint.execute("SET CONSTRAINTS ALL DEFERRED").await?;
                savepoint.commit().await?;
                return Ok(newly_parked);
            }
            savepoint.rollback().await?;
        }
        let apart = apply_or_park(tx, projection, generation, parked_streams, batch, Manner::Apart);
        Ok(apart.await.map_err(Failure::of_commit)?.1)
    }

    async fn try_apply(&self, tx: &mut PgConnection, batch: &Batch) -> Result<(), ApplyError> {
        self.projection.apply(tx, &self.generation, &batch.recorded).await?;
        // What a constraint has to say at the commit, it shall say now, while it is known of which events.
        tx.execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
        tx.execute("SET CONSTRAINTS ALL DEFERRED").await?;
        Ok(())
    }
}
