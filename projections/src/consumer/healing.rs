//! What a session does when the bus does not tell: it asks the log.

use domain::Position;
use event_bus::Origin;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::State;
use crate::consumer::advance::Done;
use crate::consumer::ending::Ending;
use crate::consumer::session::Session;
use crate::consumer::work::Pending;
use crate::heal::Cause;
use crate::range::Ranges;

impl Session<'_> {
    /// Applies the closed ranges, all of them.
    pub(super) async fn apply_pending(&mut self, stop: &CancellationToken) -> Result<(), Ending> {
        while let Some(pending) = self.pending.pop_front() {
            let done = match pending {
                Pending::Delivered(mut work) => {
                    let insisting = self.advance.insist(&mut work, stop);
                    self.inbox.while_doing(insisting).await?
                }
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
        let row = self.advance.row().await?;
        if !self.advance.is_at(&row.checkpoint) {
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
        let head = self.advance.head().await?;
        self.close_from_log(head, cause);
        self.apply_pending(stop).await?;
        if self.ranges.is_full() {
            // What is left is beyond the head: come just now, or forged, and never to be closed.
            self.ranges.forget_held();
        }
        self.acknowledge(self.last_tag).await?;
        self.consumer.progress.is_well();
        self.heard_at = Instant::now();
        Ok(())
    }

    /// A watermark spoke of an event that the log does not have. Nothing held is believed; the log is asked.
    async fn mistrust(&mut self) -> Result<(), Ending> {
        self.consumer
            .progress
            .foreign("a watermark of an event that the log does not have", Origin::default());
        let head = self.advance.head().await?;
        self.ranges = Ranges::new(self.advance.position(), self.consumer.args.held_max());
        self.pending.clear();
        self.close_from_log(head, Cause::Mistrust);
        Ok(())
    }

    /// Applies everything up to `to` from the log. A loss may come from a binding that is gone.
    async fn heal(&mut self, to: Position, cause: Cause, stop: &CancellationToken) -> Result<Done, Ending> {
        let healing = self.advance.heal(to, cause, stop);
        let done = self.inbox.while_doing(healing).await?;
        if let (Done::Committed(events), Cause::Loss) = (&done, cause) {
            let projection = self.consumer.projection.name();
            tracing::warn!(projection, to = to.0, events, "a range was healed");
            self.redeclare_if_due().await?;
        }
        let state = if self.active { State::Consuming } else { State::Waiting };
        self.consumer.progress.is(state);
        Ok(done)
    }

    /// Many losses at once need only one look.
    async fn redeclare_if_due(&mut self) -> Result<(), Ending> {
        let pause = self.consumer.args.silence();
        match self.redeclared_at {
            Some(at) if at.elapsed() < pause => Ok(()),
            _ => self.redeclare().await,
        }
    }

    async fn redeclare(&mut self) -> Result<(), Ending> {
        self.inbox.redeclare().await?;
        self.redeclared_at = Some(Instant::now());
        Ok(())
    }
}
