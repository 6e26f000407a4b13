//! Writes the checkpoint and renews the lease, one statement at a time, while publishing goes on.

use std::time::Duration;

use event_store::{Lease, RelayCheckpoint, RelayState, RelayStateError};
use futures::future::{BoxFuture, FutureExt, pending};
use tokio::time::Instant;

use crate::{RelayConfig, RelayError};

/// What is written, and when the next write is due.
pub(crate) struct Saver {
    state: RelayState,
    lease: Lease,
    ttl: Duration,
    pause: Duration,
    saved: RelayCheckpoint,
    writing: Option<Writing>,
    last_write: Instant,
}

struct Writing {
    answer: BoxFuture<'static, Result<Lease, RelayStateError>>,
    checkpoint: Option<RelayCheckpoint>,
}

impl Saver {
    /// Takes over a fresh lease and the checkpoint that is in the database.
    pub(crate) fn new(state: RelayState, lease: Lease, saved: RelayCheckpoint, config: &RelayConfig) -> Self {
        Self {
            state,
            lease,
            ttl: config.lease_ttl,
            pause: config.checkpoint_pause,
            saved,
            writing: None,
            last_write: Instant::now(),
        }
    }

    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Until when this relay may publish: a margin before the lease ends by the database's clock.
    pub(crate) fn publish_until(&self) -> Instant {
        Instant::from_std(self.lease.valid_until()) - self.ttl / 5
    }

    /// When [`Saver::start_if_due`] will write; `None` while it is writing.
    pub(crate) fn due(&self, confirmed: &RelayCheckpoint) -> Option<Instant> {
        let renewal = self.ttl / 5;
        let wait = if self.is_saved(confirmed) {
            renewal
        } else {
            renewal.min(self.pause)
        };
        self.writing.is_none().then(|| self.last_write + wait)
    }

    /// Begins to write if it is time: the checkpoint if it has moved and its pause is over, the lease in any case.
    pub(crate) fn start_if_due(&mut self, confirmed: &RelayCheckpoint) {
        let now = Instant::now();
        if self.due(confirmed).is_none_or(|due| due > now) {
            return;
        }
        let advances = !self.is_saved(confirmed) && now >= self.last_write + self.pause;
        self.last_write = now;
        let (state, lease) = (self.state.clone(), self.lease.clone());
        let checkpoint = advances.then(|| confirmed.clone());
        let write = checkpoint.clone();
        let answer = async move {
            match write {
                Some(checkpoint) => state.advance(&lease, &checkpoint).await,
                None => state.renew(&lease).await,
            }
        };
        self.writing = Some(Writing {
            answer: answer.boxed(),
            checkpoint,
        });
    }

    /// Waits until what is being written is written; for ever, when nothing is. Cancel safe.
    ///
    /// # Errors
    /// [`RelayError::LeaseLost`] when another relay leads, [`RelayError::State`] when the database failed.
    pub(crate) async fn written(&mut self) -> Result<(), RelayError> {
        let Some(writing) = self.writing.as_mut() else {
            return pending().await;
        };
        let answer = writing.answer.as_mut().await;
        let checkpoint = self.writing.take().and_then(|writing| writing.checkpoint);
        self.lease = answer?;
        if let Some(checkpoint) = checkpoint {
            self.saved = checkpoint;
        }
        Ok(())
    }

    /// Writes the checkpoint now, after what is being written.
    ///
    /// # Errors
    /// As [`Saver::written`].
    pub(crate) async fn write_now(&mut self, confirmed: &RelayCheckpoint) -> Result<(), RelayError> {
        if self.writing.is_some() {
            self.written().await?;
        }
        if !self.is_saved(confirmed) {
            self.lease = self.state.advance(&self.lease, confirmed).await?;
            self.saved = confirmed.clone();
        }
        Ok(())
    }

    pub(crate) fn is_saved(&self, confirmed: &RelayCheckpoint) -> bool {
        self.saved == *confirmed
    }
}
