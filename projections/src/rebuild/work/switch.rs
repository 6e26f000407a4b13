//! The switch: one short transaction under the lock of the projection's row.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep, timeout};

use crate::attendance;
use crate::control::{self, Row};
use crate::rebuild::failure::{Failure, is_lock_timeout};
use crate::rebuild::generations::{self, Aside, Standing};
use crate::rebuild::operation::{OperationState, Phase};
use crate::rebuild::work::verify::expect_same_event;
use crate::rebuild::work::{Goal, Work};
use crate::rebuild::{record, source};

/// Positions that may be left to apply while the row is locked.
const LEFT_MAX: i64 = 2_000;
/// How long the log may take to give them.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// The pause before another attempt.
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// How long attempts are made.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether the switch was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    Made,
    /// Too much was left, or the lock or the log was not to be had in time.
    TooEarly,
}

impl Work {
    /// Catches up and makes the generation the live one; the other one is kept.
    ///
    /// # Errors
    /// [`Failure::Locked`] when it cannot be done in time, [`Failure::Fenced`] when the generation is gone,
    /// [`Failure::Unverified`] when an event was discarded that is applied already; and as applying does.
    pub(super) async fn switch(&mut self) -> Result<(), Failure> {
        let give_up_at = Instant::now() + PATIENCE;
        loop {
            self.progress.enters(Phase::CatchingUp);
            self.catch_up(Goal::Switch).await?;
            self.progress.enters(Phase::Switching);
            match self.try_switch().await {
                Ok(Attempt::Made) => return Ok(()),
                Ok(Attempt::TooEarly) => {}
                Err(Failure::Database(error)) if is_lock_timeout(&error) => {}
                Err(failure) => return Err(failure),
            }
            if Instant::now() >= give_up_at {
                return Err(Failure::Locked);
            }
            sleep(RETRY_DELAY).await;
        }
    }

    async fn try_switch(&mut self) -> Result<Attempt, Failure> {
        let name = self.target.projection.name();
        let mut tx = self.connection.begin().await?;
        tx.execute("SET LOCAL synchronous_commit = on").await?;
        control::lock(&mut tx, name).await?;
        let live = control::load(&mut tx, name).await?.ok_or(Failure::Fenced)?;
        let held = generations::hold(&mut tx, name, self.target.generation, self.target.standing).await?;
        let mut aside = held.ok_or(Failure::Fenced)?;
        expect_same_discards(&mut tx, &self.plan.source, name).await?;
        let goal = live.checkpoint.position;
        if self.plan.is_comparable() && goal > aside.checkpoint.position {
            if goal.0 - aside.checkpoint.position.0 > LEFT_MAX {
                return Ok(Attempt::TooEarly);
            }
            let reading = self.plan.source.read(aside.checkpoint.position, goal);
            let Ok(range) = timeout(READ_TIMEOUT, reading).await else {
                return Ok(Attempt::TooEarly);
            };
            let range = range?;
            range.expect_behind(&aside.checkpoint)?;
            aside.parked_streams += self.target.apply(&mut tx, &range).await?;
            aside.checkpoint = range.end;
        } else {
            let finding = self.plan.source.head(&aside.checkpoint);
            let Ok(found) = timeout(READ_TIMEOUT, finding).await else {
                return Ok(Attempt::TooEarly);
            };
            found?;
        }
        if self.plan.is_comparable() {
            expect_same_event(&aside.checkpoint, &live.checkpoint)?;
        }
        let new = successor(&live, &aside);
        control::switch(&mut tx, name, &new).await?;
        generations::forget(&mut tx, name, aside.generation).await?;
        // Nobody wants an empty one back.
        let is_empty = live.checkpoint.position.0 == 0;
        let standing = if is_empty {
            Standing::Building
        } else {
            generations::give_up_retired(&mut tx, name).await?;
            Standing::Retired
        };
        generations::put_aside(&mut tx, name, &live, standing).await?;
        self.progress.reaches(aside.checkpoint.position.0);
        let mut operation = self.progress.measure();
        operation.end(OperationState::Succeeded, None);
        record::end(&mut tx, &operation).await?;
        attendance::call(&mut tx, name).await?;
        tx.commit().await?;
        self.progress.ends();
        self.at = aside.checkpoint;
        Ok(Attempt::Made)
    }
}

/// The row after the switch. A consumer that is where the live generation was goes on without noticing, if nothing but
/// the generation is another; otherwise what it holds is void.
fn successor(live: &Row, aside: &Aside) -> Row {
    let is_seamless = live.checkpoint.position == aside.checkpoint.position
        && live.checkpoint.event_id == aside.checkpoint.event_id
        && live.checkpoint.log_id == aside.checkpoint.log_id
        && (live.version, live.binding_version) == (aside.version, aside.binding_version);
    Row {
        generation: aside.generation,
        version: aside.version,
        binding_version: aside.binding_version,
        checkpoint: aside.checkpoint,
        consumer_epoch: live.consumer_epoch + i64::from(!is_seamless),
        parked_streams: aside.parked_streams,
        paused: live.paused.clone(),
    }
}

/// An event that was discarded meanwhile may be applied already; nothing takes it back.
async fn expect_same_discards(
    tx: &mut PgConnection,
    source: &source::Source,
    projection: &'static str,
) -> Result<(), Failure> {
    let known: Vec<_> = source.discarded().iter().copied().collect();
    let missed: Option<i64> = sqlx::query_scalar(
        "SELECT min(position) FROM public.discarded_event \
         WHERE projection = $1 AND event_id <> ALL ($2)",
    )
    .bind(projection)
    .bind(known)
    .fetch_one(tx)
    .await?;
    match missed {
        None => Ok(()),
        Some(position) => Err(Failure::Unverified(format!(
            "the event at position {position} was discarded since this began; start again"
        ))),
    }
}
