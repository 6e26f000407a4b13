//! Moves the read model forward, from what was delivered or from the log, and insists on it.

use domain::Position;
use event_store::{Excerpt, LogError, Place, Share};
use metrics::histogram;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::State;
use crate::apply::batch::Batch;
use crate::apply::{Applier, CommitError};
use crate::consumer::Consumer;
use crate::consumer::ending::Ending;
use crate::consumer::work::{Content, Lost, PassingError, Trouble, Work};
use crate::control::{Checkpoint, Fence, Row};
use crate::diverged::Diverged;
use crate::heal::{self, Cause};
use crate::metric;

/// What became of a piece of work.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// It is committed, with so many events.
    Committed(usize),
    /// It was void: the log does not have the event that it ends with.
    BeyondLog,
}

/// A read model at its checkpoint, and the log that the checkpoint was found in.
pub(super) struct Advance<'a> {
    consumer: &'a Consumer,
    applier: Applier,
    pub(super) log_id: Uuid,
    /// Where this consumer left the projection's row.
    fence: Fence,
}

impl<'a> Advance<'a> {
    /// Checks that this code and this log belong to the read model; makes its first generation when there is none. A paused
    /// one is looked for in the log, too: it may be read meanwhile, and has to say so when it is not what the log says.
    pub(super) async fn open(consumer: &'a Consumer) -> Result<Self, Ending> {
        let parked_streams_max = consumer.args.parked_streams_per_hour_max;
        let mut applier = Applier::new(
            consumer.projection.clone(),
            consumer.database.clone(),
            parked_streams_max,
        );
        let row = applier.ensure().await?;
        consumer.check_version(&row)?;
        let found = find_checkpoint(consumer, &mut applier, &row).await;
        if let (Some(_), Ok(_) | Err(Ending::Log(_) | Ending::Database(_))) = (&row.paused, &found) {
            return Err(Ending::Paused);
        }
        let log_id = found?;
        let fence = fence_at(&row.checkpoint);
        Ok(Self {
            consumer,
            applier,
            log_id,
            fence,
        })
    }

    /// The checkpoint: everything up to here is applied.
    pub(super) fn position(&self) -> Position {
        self.fence.position
    }

    /// Reads the projection's row as it is now; a paused one ends the session.
    pub(super) async fn row(&mut self) -> Result<Row, Ending> {
        let row = self.consumer.within_limit(self.applier.ensure()).await??;
        refuse_paused(&row)?;
        Ok(row)
    }

    /// Tells whether this is the checkpoint.
    pub(super) fn is_at(&self, checkpoint: &Checkpoint) -> bool {
        (self.fence.position, self.fence.event_id) == (checkpoint.position, checkpoint.event_id)
    }

    /// Goes on from another checkpoint.
    pub(super) fn go_on_from(&mut self, checkpoint: &Checkpoint) {
        self.fence = fence_at(checkpoint);
    }

    /// Asks where the log ends, and makes sure that it still is the log of the checkpoint and has its event.
    pub(super) async fn head(&self) -> Result<Position, Ending> {
        let asking = self.consumer.log.place(self.fence.position);
        let place = self.consumer.within_limit(asking).await??;
        self.expect_checkpoint(place.log_id, place.event_id)?;
        Ok(place.head)
    }

    /// Applies everything up to `to` from the log, in transactions of bounded size.
    pub(super) async fn heal(&mut self, to: Position, cause: Cause, stop: &CancellationToken) -> Result<Done, Ending> {
        self.consumer.progress.heals(cause);
        self.consumer.progress.is(State::Healing);
        let chunk = i64::from(self.consumer.args.batch_events_max);
        let mut events = 0;
        while self.fence.position < to {
            let end = to.min(Position(self.fence.position.0 + chunk));
            let mut work = Work::from_log(end, u64::from(end == to));
            match self.insist(&mut work, stop).await? {
                Done::Committed(count) => {
                    self.consumer.progress.healed(cause, count);
                    events += count;
                }
                Done::BeyondLog => return Ok(Done::BeyondLog),
            }
        }
        Ok(Done::Committed(events))
    }

    /// Tries until it is done: holds the place, shows why, and pauses between attempts.
    pub(super) async fn insist(&mut self, work: &mut Work, stop: &CancellationToken) -> Result<Done, Ending> {
        let consumer = self.consumer;
        let mut delays = consumer.retry_delays();
        let state = consumer.progress.seen().state;
        loop {
            let attempt = consumer.within_limit(self.attempt(work));
            match stop.run_until_cancelled(attempt).await.ok_or(Ending::Stopped)?? {
                Ok(events) => {
                    self.consumer.progress.is(state);
                    return Ok(Done::Committed(events));
                }
                Err(Trouble::BeyondLog) => return Ok(Done::BeyondLog),
                Err(Trouble::Passing(error)) => {
                    self.consumer.progress.failed(&error);
                    self.consumer.progress.is(State::Held);
                }
                Err(Trouble::Lost(lost)) => return Err(lost.into()),
                Err(Trouble::Void(error)) => return Err(error.into()),
            }
            let delay = delays.next().unwrap_or_else(|| self.consumer.args.retry_delay_max());
            let told = async {
                tokio::select! {
                    () = tokio::time::sleep(delay) => false,
                    () = consumer.progress.changed() => true,
                }
            };
            if stop.run_until_cancelled(told).await.ok_or(Ending::Stopped)? {
                self.row().await?;
            }
        }
    }

    /// Reads, decodes and commits once. What fails before it is decoded is read from the log the next time.
    async fn attempt(&mut self, work: &mut Work) -> Result<usize, Trouble> {
        let batch = match std::mem::replace(&mut work.content, Content::InLog) {
            Content::Decoded(batch) => {
                // It may have been held for long.
                self.confirm(work).await?;
                batch
            }
            content => match self.prepare(work, content).await {
                Err(Trouble::Passing(unknown @ PassingError::Unknown { position, .. })) => {
                    self.go_up_to(position).await?;
                    return Err(Trouble::Passing(unknown));
                }
                prepared => prepared?,
            },
        };
        self.commit(work, batch).await
    }

    /// Applies what stands before an event that cannot be applied yet.
    async fn go_up_to(&mut self, unknown: Position) -> Result<(), Trouble> {
        let last = Position(unknown.0 - 1);
        if last > self.fence.position {
            let mut work = Work::from_log(last, 0);
            let batch = self.prepare(&work, Content::InLog).await?;
            self.commit(&mut work, batch).await?;
        }
        Ok(())
    }

    async fn commit(&mut self, work: &mut Work, batch: Batch) -> Result<usize, Trouble> {
        let started = Instant::now();
        let committed = self.applier.commit(self.fence, &batch).await;
        let name = self.consumer.projection.name();
        histogram!(metric::COMMIT_SECONDS, metric::PROJECTION => name).record(started.elapsed());
        let (events, target) = (batch.len(), batch.target);
        work.content = Content::Decoded(batch);
        let committed = committed?;
        self.fence = Fence {
            epoch: Some(committed.epoch),
            ..fence_at(&target)
        };
        let progress = &self.consumer.progress;
        progress.committed_at(target.position, work.ranges, events, &committed);
        Ok(events)
    }

    /// Makes what was delivered, or is read from the log, ready to be applied. Either way one look at the log has found the
    /// checkpoint's event in it, and the event at the end of the range.
    async fn prepare(&self, work: &Work, content: Content) -> Result<Batch, Trouble> {
        let (events, event_id, recorded_at) = match content {
            Content::Delivered(events) => {
                let event_id = self.confirm(work).await?;
                (events, event_id, work.recorded_at)
            }
            _ => {
                let chunk = self.read(work.to).await?;
                (chunk.events, chunk.event_id, Some(chunk.recorded_at))
            }
        };
        let target = Checkpoint {
            position: work.to,
            event_id: Some(event_id),
            log_id: Some(self.log_id),
            recorded_at,
        };
        Batch::decode(&*self.consumer.projection, events, target)
            .map_err(|(source, position)| Trouble::Passing(PassingError::Unknown { position, source }))
    }

    /// Finds the checkpoint's event in the log, and what was told of the work, and gives the event at its end. What was
    /// delivered outlives the log that it came from, and a log that went back has other events at the same positions.
    async fn confirm(&self, work: &Work) -> Result<Uuid, Trouble> {
        #[cfg(feature = "sabotage")]
        if sabotage::Sabotage::DeliveryWithoutLook.is_on()
            && let Some((_, event_id)) = work.told.iter().find(|(position, _)| *position == work.to)
        {
            return Ok(*event_id);
        }
        let log = &self.consumer.log;
        let edges = log.edges(self.fence.position, work.to, &work.told).await?;
        self.expect_checkpoint(edges.log_id, edges.before)?;
        edges.last.filter(|_| edges.has_told).ok_or(Trouble::BeyondLog)
    }

    /// Reads from the checkpoint up to `to`.
    async fn read(&self, to: Position) -> Result<Excerpt, Trouble> {
        let (log, bindings) = (&self.consumer.log, self.consumer.projection.bindings());
        let chunk = match heal::read(log, bindings, self.fence.position, to, Share::WHOLE).await {
            Err(incomplete @ LogError::Incomplete { .. }) => {
                let place = log.place(self.fence.position).await?;
                self.expect_checkpoint(place.log_id, place.event_id)?;
                return Err(match place.head < to {
                    true => Trouble::BeyondLog,
                    false => incomplete.into(),
                });
            }
            chunk => chunk?,
        };
        self.expect_checkpoint(chunk.log_id, chunk.before)?;
        Ok(chunk)
    }

    /// Refuses a log that was replaced meanwhile, and one that does not have the checkpoint's event at its position, whatever
    /// the log is called.
    fn expect_checkpoint(&self, log_id: Uuid, found: Option<Uuid>) -> Result<(), Lost> {
        if found != self.fence.event_id {
            let position = self.fence.position;
            Err(Lost::Diverged(Diverged { position }))
        } else if log_id != self.log_id {
            Err(Lost::Renamed)
        } else {
            Ok(())
        }
    }
}

fn fence_at(checkpoint: &Checkpoint) -> Fence {
    Fence {
        position: checkpoint.position,
        event_id: checkpoint.event_id,
        epoch: None,
    }
}

fn refuse_paused(row: &Row) -> Result<(), Ending> {
    match row.paused {
        Some(_) => Err(Ending::Paused),
        None => Ok(()),
    }
}

/// Looks for the checkpoint's event at its position, and gives the log's identity. A log that has another identity
/// than the checkpoint, and still its event, was restored or promoted without losing anything of the read model.
async fn find_checkpoint(consumer: &Consumer, applier: &mut Applier, row: &Row) -> Result<Uuid, Ending> {
    let position = row.checkpoint.position;
    let Place { log_id, event_id, .. } = consumer.log.place(position).await?;
    if event_id != row.checkpoint.event_id {
        return Err(Diverged { position }.into());
    }
    if event_id.is_none() {
        return Ok(log_id);
    }
    if row.checkpoint.log_id != Some(log_id) {
        tracing::warn!(projection = consumer.projection.name(), %log_id, "the log has a new identity; the checkpoint is in it");
        applier
            .adopt_log(&row.checkpoint, log_id)
            .await
            .map_err(|error: CommitError| Ending::Database(error))?;
    }
    Ok(log_id)
}
