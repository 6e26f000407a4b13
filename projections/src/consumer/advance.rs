//! Moves the read model forward, from what was delivered or from the log, and insists on it.

use domain::Position;
use event_store::{LogError, Place, Share};
use metrics::histogram;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::State;
use crate::apply::batch::Batch;
use crate::apply::{Applier, CommitError};
use crate::consumer::Consumer;
use crate::consumer::ending::Ending;
use crate::consumer::work::{Content, PassingError, Trouble, Work};
use crate::control::{Checkpoint, Fence, Row};
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
    /// Checks that this code and this log belong to the read model; makes its first generation when there is none.
    pub(super) async fn open(consumer: &'a Consumer) -> Result<Self, Ending> {
        let parked_streams_max = consumer.args.parked_streams_per_hour_max;
        let mut applier = Applier::new(
            consumer.projection.clone(),
            consumer.database.clone(),
            parked_streams_max,
        );
        let row = applier.ensure().await?;
        consumer.check_version(&row)?;
        refuse_paused(&row)?;
        let log_id = find_checkpoint(consumer, &mut applier, &row).await?;
        let fence = Fence {
            position: row.checkpoint.position,
            epoch: None,
        };
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

    /// Goes on from another checkpoint.
    pub(super) fn go_on_from(&mut self, position: Position) {
        self.fence = Fence { position, epoch: None };
    }

    /// Asks where the log ends, and makes sure that it still is the log of the checkpoint.
    pub(super) async fn head(&self) -> Result<Position, Ending> {
        let head = self.consumer.within_limit(self.consumer.log.head()).await??;
        if head.log_id != self.log_id || head.position < self.fence.position {
            return Err(Ending::LogChanged);
        }
        Ok(head.position)
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
                Err(Trouble::LogChanged) => return Err(Ending::LogChanged),
                Err(Trouble::Void(error)) => return Err(error.into()),
                Err(Trouble::Passing(error)) => {
                    self.consumer.progress.failed(&error);
                    self.consumer.progress.is(State::Held);
                }
            }
            let delay = delays.next().unwrap_or_else(|| self.consumer.args.retry_delay_max());
            let told = async {
                tokio::select! {
                    () = tokio::time::sleep(delay) => false,
                    () = consumer.progress.pause_changed() => true,
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
            Content::Decoded(batch) => batch,
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
        let (events, target) = (batch.len(), batch.target.position);
        work.content = Content::Decoded(batch);
        let committed = committed?;
        self.fence.position = target;
        self.fence.epoch = Some(committed.epoch);
        let progress = &self.consumer.progress;
        progress.committed_at(target, work.ranges, events, &committed);
        Ok(events)
    }

    async fn prepare(&self, work: &Work, content: Content) -> Result<Batch, Trouble> {
        let consumer = self.consumer;
        let (events, event_id, recorded_at) = match content {
            Content::Delivered(events) => {
                let event_id = match events.last().filter(|event| event.position == work.to) {
                    Some(event) => event.event_id,
                    None => {
                        let place = consumer.log.place(work.to).await?;
                        self.expect_log(place.log_id)?;
                        place.event_id.ok_or(Trouble::BeyondLog)?
                    }
                };
                if work.event_id.is_some_and(|told| told != event_id) {
                    return Err(Trouble::BeyondLog);
                }
                (events, event_id, work.recorded_at)
            }
            _ => {
                let bindings = consumer.projection.bindings();
                let chunk = match heal::read(&consumer.log, bindings, self.fence.position, work.to, Share::WHOLE).await
                {
                    Err(LogError::Incomplete { .. }) if consumer.log.head().await?.position < work.to => {
                        return Err(Trouble::BeyondLog);
                    }
                    chunk => chunk?,
                };
                self.expect_log(chunk.log_id)?;
                (chunk.events, chunk.event_id, Some(chunk.recorded_at))
            }
        };
        let target = Checkpoint {
            position: work.to,
            event_id: Some(event_id),
            log_id: Some(self.log_id),
            recorded_at,
        };
        Batch::decode(&*consumer.projection, events, target)
            .map_err(|(source, position)| Trouble::Passing(PassingError::Unknown { position, source }))
    }

    /// Refuses what was read from another log than the checkpoint is in: it was replaced meanwhile.
    fn expect_log(&self, log_id: Uuid) -> Result<(), Trouble> {
        if log_id == self.log_id {
            Ok(())
        } else {
            Err(Trouble::LogChanged)
        }
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
    let Place { log_id, event_id } = consumer.log.place(position).await?;
    if event_id != row.checkpoint.event_id {
        return Err(Ending::LogDiverged { position: position.0 });
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
