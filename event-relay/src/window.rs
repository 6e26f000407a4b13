//! The window: messages on their way, their confirms awaited in the order of publishing.

use std::collections::VecDeque;
use std::future::pending;

use domain::Position;
use event_bus::{BusError, Confirm};
use futures::FutureExt;
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
///
/// Only the oldest is ever waited for: the broker confirms many at once, and one wake-up is enough for all of them.
pub(crate) struct Window {
    in_flight: VecDeque<(Sent, Confirm)>,
    waiting_since: Instant,
}

impl Window {
    pub(crate) fn new() -> Self {
        Self {
            in_flight: VecDeque::new(),
            waiting_since: Instant::now(),
        }
    }

    pub(crate) fn push(&mut self, sent: Sent, confirm: Confirm) {
        if self.in_flight.is_empty() {
            self.restart_clock();
        }
        self.in_flight.push_back((sent, confirm));
    }

    /// Waits for the confirm of the oldest message; for ever, when there is none. Cancel safe.
    ///
    /// # Errors
    /// What befell the oldest message; those behind it may fare either way.
    pub(crate) async fn next(&mut self) -> Result<Sent, BusError> {
        let Some((sent, confirm)) = self.in_flight.front_mut() else {
            return pending().await;
        };
        let (sent, answer) = (*sent, confirm.await);
        self.in_flight.pop_front();
        self.restart_clock();
        answer.map(|()| sent)
    }

    /// As [`Window::next`], if it is there already.
    pub(crate) fn ready(&mut self) -> Option<Result<Sent, BusError>> {
        self.next().now_or_never()
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
