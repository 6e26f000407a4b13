//! What an operation begins with: the live generation as it stands, and what it means for the new one.

use std::sync::Arc;

use domain::Position;
use event_store::LogReader;
use sqlx::PgConnection;

use crate::Projection;
use crate::control::{self, Checkpoint, Row};
use crate::rebuild::failure::Failure;
use crate::rebuild::source::{self, Source};

/// Whether the new generation can be compared with the live one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// As they are at the same position.
    Possible,
    /// Not, for this reason.
    Impossible(&'static str),
}

/// What an operation goes by.
pub(crate) struct Plan {
    pub(crate) source: Source,
    pub(crate) comparison: Comparison,
    /// Where to load to before anything is compared.
    pub(crate) load_to: Position,
}

impl Plan {
    /// Looks where the live generation is in the log.
    pub(crate) async fn make(
        connection: &mut PgConnection,
        projection: &Arc<dyn Projection>,
        log: &LogReader,
        live: &Row,
        strict: bool,
    ) -> Result<Self, Failure> {
        let discarded = source::discarded(connection, projection.name()).await?;
        let position = live.checkpoint.position;
        let place = log.place(position).await?;
        let comparison = if position.0 == 0 {
            Comparison::Impossible("the live generation is empty")
        } else if place.event_id != live.checkpoint.event_id {
            Comparison::Impossible("the live generation was made from another log")
        } else {
            Comparison::Possible
        };
        let load_to = match comparison {
            Comparison::Possible => position,
            Comparison::Impossible(_) => place.head,
        };
        Ok(Self {
            source: Source::new(Arc::clone(projection), log.clone(), place.log_id, discarded, strict),
            comparison,
            load_to,
        })
    }

    /// Tells whether positions of the live generation mean the same in the log that is read.
    pub(crate) fn is_comparable(&self) -> bool {
        self.comparison == Comparison::Possible
    }

    /// Where the new generation, which is at `at`, has to be to be compared with the live one; the end of the log when it
    /// cannot be.
    ///
    /// # Errors
    /// [`Failure::LogChanged`] when the log does not have `at` any more, [`Failure::Log`], [`Failure::Database`].
    pub(crate) async fn goal_of_comparison(
        &self,
        at: &Checkpoint,
        connection: &mut PgConnection,
        projection: &dyn Projection,
    ) -> Result<Position, Failure> {
        let head = self.source.head(at).await?;
        match self.comparison {
            Comparison::Possible => Ok(load_live(connection, projection).await?.checkpoint.position),
            Comparison::Impossible(_) => Ok(head),
        }
    }

    /// Where the new generation has to be to be switched to: where the live one is, if that moves by itself or must not
    /// move, else at the end of the log, so that little is left to apply afterwards.
    ///
    /// # Errors
    /// As [`Self::goal_of_comparison`].
    pub(crate) async fn goal_of_switch(
        &self,
        at: &Checkpoint,
        connection: &mut PgConnection,
        projection: &dyn Projection,
    ) -> Result<Position, Failure> {
        let head = self.source.head(at).await?;
        let live = load_live(connection, projection).await?;
        if !self.is_comparable() {
            return Ok(head);
        }
        if live.is_of(projection) || live.paused.is_some() {
            return Ok(live.checkpoint.position);
        }
        Ok(head.max(live.checkpoint.position))
    }
}

async fn load_live(connection: &mut PgConnection, projection: &dyn Projection) -> Result<Row, Failure> {
    let live = control::load(connection, projection.name()).await?;
    live.ok_or(Failure::Fenced)
}
