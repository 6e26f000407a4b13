//! The worker of an operation: load, index, verify, catch up, switch, on a connection of its own.

mod load;
mod switch;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use domain::Position;
use futures::StreamExt;
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep_until};

use crate::control::{self, Checkpoint};
use crate::rebuild::failure::Failure;
use crate::rebuild::operation::Phase;
use crate::rebuild::plan::Plan;
use crate::rebuild::progress::Progress;
use crate::rebuild::streams::LogTotals;
use crate::rebuild::target::Target;

/// Positions in one transaction.
const RANGE_POSITIONS_MAX: i64 = 5_000;
/// So little is left that the rest can wait for the switch.
const LEFT_SMALL: i64 = 1_000;

/// An operation's work, from its first event to the switch.
pub(crate) struct Work {
    pub(crate) target: Target,
    pub(crate) plan: Plan,
    pub(crate) connection: PgConnection,
    pub(crate) progress: Arc<Progress>,
    /// How far the generation is.
    pub(crate) at: Checkpoint,
    pub(crate) pace: Pace,
    pub(crate) totals: LogTotals,
}

impl Work {
    /// Builds the generation and, unless it is only tried, makes it the live one.
    ///
    /// # Errors
    /// [`Failure`]; the live generation is untouched then.
    pub(crate) async fn rebuild(&mut self, dry_run: bool) -> Result<(), Failure> {
        self.progress.enters(Phase::Loading);
        self.load().await?;
        self.progress.enters(Phase::Indexing);
        self.index().await?;
        self.progress.enters(Phase::CatchingUp);
        self.catch_up(Goal::Comparison).await?;
        self.progress.enters(Phase::Verifying);
        self.verify().await?;
        if !dry_run {
            self.switch().await?;
        }
        Ok(())
    }

    /// Catches the retired generation up and makes it the live one again.
    ///
    /// # Errors
    /// [`Failure`]; the live generation is untouched then, and the retired one is kept.
    pub(crate) async fn roll_back(&mut self) -> Result<(), Failure> {
        self.progress.starts_at(self.at.position.0);
        self.switch().await
    }

    /// Applies the log up to a position, in transactions of bounded size.
    async fn apply_to(&mut self, to: Position) -> Result<(), Failure> {
        self.progress.expects(to.0);
        let positions_max = self.pace.positions_max();
        let mut ranges = self.plan.source.ranges(self.at.position, to, positions_max);
        while let Some(range) = ranges.next().await {
            let range = range?;
            range.expect_behind(&self.at)?;
            self.target.commit(&mut self.connection, &range).await?;
            self.at = range.end;
            self.progress.reaches(self.at.position.0);
            self.pace.after(range.positions).await;
        }
        Ok(())
    }

    /// Makes the indexes, and the statistics without which the first queries would be planned badly.
    async fn index(&mut self) -> Result<(), Failure> {
        let mut tx = self.connection.begin().await?;
        control::create_indexes(&mut tx, &*self.target.projection, self.target.generation).await?;
        tx.commit().await?;
        let schema = self.target.generation.to_string();
        for table in crate::rebuild::tables::of_schema(&mut self.connection, &schema)
            .await?
            .keys()
        {
            let analyze = format!("ANALYZE {schema}.{table}");
            self.connection.execute(analyze.as_str()).await?;
        }
        Ok(())
    }

    /// Applies what has come since, until little is left.
    async fn catch_up(&mut self, goal: Goal) -> Result<(), Failure> {
        loop {
            let (connection, projection) = (&mut self.connection, &*self.target.projection);
            let to = match goal {
                Goal::Comparison => self.plan.goal_of_comparison(&self.at, connection, projection).await?,
                Goal::Switch => self.plan.goal_of_switch(&self.at, connection, projection).await?,
            };
            let left = to.0 - self.at.position.0;
            self.apply_to(to).await?;
            if left <= LEFT_SMALL {
                return Ok(());
            }
        }
    }
}

/// What the generation is caught up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Comparison,
    Switch,
}

/// How fast events may be applied.
pub(crate) struct Pace {
    events_per_second: Option<u32>,
    free_at: Instant,
}

impl Pace {
    pub(crate) fn new(events_per_second: Option<u32>) -> Self {
        Self {
            events_per_second,
            free_at: Instant::now(),
        }
    }

    /// Positions to apply at once: no more than a second's worth.
    fn positions_max(&self) -> i64 {
        self.events_per_second.map_or(RANGE_POSITIONS_MAX, |rate| {
            i64::from(rate).clamp(1, RANGE_POSITIONS_MAX)
        })
    }

    /// Waits until so many more may be applied.
    async fn after(&mut self, positions: i64) {
        if let Some(rate) = self.events_per_second {
            let worth = Duration::from_secs_f64(positions as f64 / f64::from(rate.max(1)));
            self.free_at = self.free_at.max(Instant::now()) + worth;
            sleep_until(self.free_at).await;
        }
    }
}
