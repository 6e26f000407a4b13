//! How a session applies what is closed, from what it holds or from the log, and how it insists on it.

use domain::Position;
use event_store::LogError;
use metrics::histogram;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::State;
use crate::apply::batch::Batch;
use crate::consumer::ending::Ending;
use crate::consumer::session::Session;
use crate::consumer::work::{Content, PassingError, Pending, Trouble, Work};
use crate::control::Checkpoint;
use crate::heal::{self, Cause};
use crate::metric;
use crate::range::Ranges;

/// What became of a piece of work.
#[derive(Debug, PartialEq, Eq)]
enum Done {
    /// It is committed, with so many events.
    Committed(usize),
    /// It was void: the log ends before it does.
    BeyondLog,
}

impl Session<'_> {
    /// Applies the closed ranges, all of them.
    pub(super) async fn apply_pending(&mut self, stop: &CancellationToken) -> Result<(), Ending> {
        while let Some(pending) = self.pending.pop_front() {
            let done = match pending {
                Pending::Delivered(mut work) => self.insist(&mut work, stop).await?,
                Pending::Heal(to, cause) => self.heal(to, cause, stop).await?,
            };
            if done == Done::BeyondLog {
                self.mistrust().await?;
            }
        }
        Ok(())
    }

    /// Closes everything up to a position of the log on the log's own word.
    pub(super) fn close_from_log(&mut self, to: Position, cause: Cause) {
        if let Some(closed) = self.ranges.close_from_log(to) {
            self.pending.push_back(Pending::Heal(closed.to, cause));
        }
    }

    /// No watermark came for too long. If another consumer has gone on meanwhile, all is well and this one waits.
    pub(super) async fn break_silence(&mut self, stop: &CancellationToken) -> Result<(), Ending> {
        let row = self.consumer.within_limit(self.applier.ensure()).await??;
        if row.checkpoint.position != self.fence.position {
            self.follow(&row);
            self.active = false;
            self.consumer.progress.is(State::Waiting);
            self.heard_at = Instant::now();
            return Ok(());
        }
        self.close_up_to_head(Cause::Silence, stop).await
    }

    /// Declares the topology anew and applies everything up to the log's head from the log. Everything delivered so
    /// far is then applied, or its range is still to be closed and will be found incomplete.
    pub(super) async fn close_up_to_head(&mut self, cause: Cause, stop: &CancellationToken) -> Result<(), Ending> {
        self.redeclare().await?;
        let head = self.head().await?;
        self.close_from_log(head, cause);
        self.apply_pending(stop).await?;
        self.acknowledge(self.last_tag).await?;
        self.heard_at = Instant::now();
        Ok(())
    }

    /// A watermark spoke of more than the log has. Nothing held is believed; the log is asked.
    async fn mistrust(&mut self) -> Result<(), Ending> {
        self.consumer.progress.foreign("a watermark beyond the log's head");
        let head = self.head().await?;
        self.ranges = Ranges::new(self.fence.position, self.consumer.args.held_max());
        self.pending.clear();
        self.close_from_log(head, Cause::Mistrust);
        Ok(())
    }

    /// Asks where the log ends, and makes sure that it still is the log of the checkpoint.
    async fn head(&self) -> Result<Position, Ending> {
        let head = self.consumer.within_limit(self.consumer.log.head()).await??;
        if head.log_id != self.log_id || head.position < self.fence.position {
            return Err(Ending::LogChanged);
        }
        Ok(head.position)
    }

    /// Applies everything up to `to` from the log, in transactions of bounded size.
    async fn heal(&mut self, to: Position, cause: Cause, stop: &CancellationToken) -> Result<Done, Ending> {
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
        if cause == Cause::Loss {
            tracing::warn!(
                projection = self.consumer.projection.name(),
                to = to.0,
                events,
                "a range was healed"
            );
            self.redeclare_if_due().await?;
        }
        self.consumer
            .progress
            .is(if self.active { State::Consuming } else { State::Waiting });
        Ok(Done::Committed(events))
    }

    /// Tries until it is done: holds the place, shows why, and pauses between attempts.
    async fn insist(&mut self, work: &mut Work, stop: &CancellationToken) -> Result<Done, Ending> {
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
                Err(Trouble::Void(error)) => return Err(Ending::Database(error)),
                Err(Trouble::Passing(error)) => {
                    self.consumer.progress.failed(&error);
                    self.consumer.progress.is(State::Held);
                }
            }
            let delay = delays.next().unwrap_or_else(|| self.consumer.args.retry_delay_max());
            stop.run_until_cancelled(tokio::time::sleep(delay))
                .await
                .ok_or(Ending::Stopped)?;
        }
    }

    /// Reads, decodes and commits once. What fails before it is decoded is read from the log the next time.
    async fn attempt(&mut self, work: &mut Work) -> Result<usize, Trouble> {
        let batch = match std::mem::replace(&mut work.content, Content::InLog) {
            Content::Decoded(batch) => batch,
            content => self.prepare(work, content).await?,
        };
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
                    None => consumer.log.event_id_at(work.to).await?.ok_or(Trouble::BeyondLog)?,
                };
                (events, event_id, work.recorded_at)
            }
            _ => {
                let bindings = consumer.projection.bindings();
                let chunk = match heal::read(&consumer.log, bindings, self.fence.position, work.to).await {
                    Err(LogError::Incomplete { .. }) if consumer.log.head().await?.position < work.to => {
                        return Err(Trouble::BeyondLog);
                    }
                    chunk => chunk?,
                };
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

    /// A loss may come from a binding that is gone; many losses at once need only one look.
    async fn redeclare_if_due(&mut self) -> Result<(), Ending> {
        let pause = self.consumer.args.silence();
        match self.redeclared_at {
            Some(at) if at.elapsed() < pause => Ok(()),
            _ => self.redeclare().await,
        }
    }

    async fn redeclare(&mut self) -> Result<(), Ending> {
        self.subscriber.redeclare().await?;
        self.redeclared_at = Some(Instant::now());
        Ok(())
    }
}
