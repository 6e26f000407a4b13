//! The window: messages on their way, their confirms awaited in the order of publishing.

use domain::Position;
use event_bus::{BusError, Confirm};
use futures::future::{BoxFuture, FutureExt, pending};
use futures::stream::{FuturesOrdered, StreamExt};
use tokio::time::Instant;
use uuid::Uuid;

/// What a message on its way was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// An event of the log.
    Event { position: Position, event_id: Uuid },
    /// A watermark and the end of its range.
    Watermark { to: Position },
}

/// Messages on their way. What comes out of it, one after the other, is the contiguous confirmed prefix of what went in.
pub(crate) struct Window {
    in_flight: FuturesOrdered<BoxFuture<'static, Result<Sent, BusError>>>,
    waiting_since: Instant,
}

impl Window {
    pub(crate) fn new() -> Self {
        Self {
            in_flight: FuturesOrdered::new(),
            waiting_since: Instant::now(),
        }
    }

    pub(crate) fn push(&mut self, sent: Sent, confirm: Confirm) {
        if self.in_flight.is_empty() {
            self.restart_clock();
        }
        self.in_flight
            .push_back(async move { confirm.await.map(|()| sent) }.boxed());
    }

    /// Waits for the confirm of the oldest message; for ever, when there is none. Cancel safe.
    ///
    /// # Errors
    /// What befell the oldest message; those behind it may fare either way.
    pub(crate) async fn next(&mut self) -> Result<Sent, BusError> {
        let Some(confirmed) = self.in_flight.next().await else {
            return pending().await;
        };
        self.restart_clock();
        confirmed
    }

    /// As [`Window::next`], if it is there already.
    pub(crate) fn ready(&mut self) -> Option<Result<Sent, BusError>> {
        self.in_flight.next().now_or_never().flatten()
    }

    pub(crate) fn len(&self) -> usize {
        self.in_flight.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Since when the broker has owed an answer: the last confirm, or the first message after none was on its way.
    pub(crate) fn waiting_since(&self) -> Option<Instant> {
        (!self.in_flight.is_empty()).then_some(self.waiting_since)
    }

    /// Begins to count anew: the broker could not answer until now.
    pub(crate) fn restart_clock(&mut self) {
        self.waiting_since = Instant::now();
    }
}
