//! What the broker delivers to a session, taken in and counted also while the session is busy with something else.
//!
//! A session that is held for hours does not come to read what comes. The broker may end its consumption meanwhile, give the queue
//! to another process, and fill it: all of that is seen here, at once, and not when the session comes to it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use event_bus::{AmqpUrl, BusError, Delivery, QueueSpec, Subscriber};
use futures::FutureExt;
use tokio::time::{Instant, sleep_until};

use crate::consumer::ending::Ending;
use crate::status::{Progress, QueueStatus};

/// How often the broker is asked for the queue's length.
pub(super) const MEASURE_INTERVAL: Duration = Duration::from_secs(5);

/// The deliveries of one session. Not more than the prefetch are in it, for the broker sends no more.
pub(super) struct Inbox {
    subscriber: Subscriber,
    arrived: VecDeque<Delivery>,
    progress: Arc<Progress>,
    queue: String,
    received_tag: u64,
    acknowledged_tag: u64,
    /// When the queue's length was asked for last.
    measured_at: Instant,
}

impl Inbox {
    /// Subscribes, and asks how long the queue is.
    ///
    /// # Errors
    /// As [`Subscriber::open`].
    pub(super) async fn open(
        url: &AmqpUrl,
        queue: &QueueSpec,
        connection_name: &str,
        progress: Arc<Progress>,
    ) -> Result<Self, BusError> {
        let mut inbox = Self {
            subscriber: Subscriber::open(url, queue, connection_name).await?,
            arrived: VecDeque::new(),
            progress,
            queue: queue.name.clone(),
            received_tag: 0,
            acknowledged_tag: 0,
            measured_at: Instant::now(),
        };
        inbox.measure().await?;
        Ok(inbox)
    }

    /// Waits for the next delivery. Dropping the future loses none.
    ///
    /// # Errors
    /// As [`Subscriber::next`].
    pub(super) async fn next(&mut self) -> Result<Delivery, BusError> {
        match self.arrived.pop_front() {
            Some(delivery) => Ok(delivery),
            None => self.receive().await,
        }
    }

    /// The next delivery, if it is there already.
    pub(super) fn next_if_there(&mut self) -> Option<Result<Delivery, BusError>> {
        self.next().now_or_never()
    }

    /// Does a piece of work, and takes in meanwhile what is delivered.
    ///
    /// # Errors
    /// What the work ends with; or that the subscriber was lost, and then the work is dropped: what it was made from is not this
    /// session's any more.
    pub(super) async fn while_doing<T>(&mut self, work: impl Future<Output = Result<T, Ending>>) -> Result<T, Ending> {
        tokio::select! {
            biased;
            done = work => done,
            lost = self.attend() => Err(lost.into()),
        }
    }

    /// Takes in what is delivered and asks how long the queue is, until the subscriber is lost.
    async fn attend(&mut self) -> BusError {
        loop {
            let measure_at = self.measure_at();
            let attended = tokio::select! {
                delivery = self.receive() => delivery.map(|delivery| self.arrived.push_back(delivery)),
                () = sleep_until(measure_at) => self.measure().await,
            };
            if let Err(lost) = attended {
                return lost;
            }
        }
    }

    async fn receive(&mut self) -> Result<Delivery, BusError> {
        let delivery = self.subscriber.next().await?;
        self.received_tag = delivery.tag;
        Ok(delivery)
    }

    /// When the queue's length is to be asked for again.
    pub(super) fn measure_at(&self) -> Instant {
        self.measured_at + MEASURE_INTERVAL
    }

    /// Asks the broker how long the queue is, for who wants to know.
    ///
    /// # Errors
    /// As [`Subscriber::depth`].
    pub(super) async fn measure(&mut self) -> Result<(), BusError> {
        let depth = self.subscriber.depth().await?;
        // What was on its way before the answer is here by now, and in nobody else's count.
        while let Some(delivery) = self.receive().now_or_never() {
            self.arrived.push_back(delivery?);
        }
        let held = u32::try_from(self.received_tag - self.acknowledged_tag).unwrap_or(u32::MAX);
        self.progress.queue_is(Some(QueueStatus {
            name: self.queue.clone(),
            messages: depth.messages.saturating_add(held),
            consumers: depth.consumers,
        }));
        self.measured_at = Instant::now();
        Ok(())
    }

    /// Acknowledges every delivery up to and including `tag`, once.
    ///
    /// # Errors
    /// As [`Subscriber::ack_through`].
    pub(super) async fn ack_through(&mut self, tag: u64) -> Result<(), BusError> {
        if tag > self.acknowledged_tag {
            self.subscriber.ack_through(tag).await?;
            self.acknowledged_tag = tag;
        }
        Ok(())
    }

    /// How many deliveries up to `tag` are not acknowledged.
    pub(super) fn unacknowledged_through(&self, tag: u64) -> u64 {
        tag - self.acknowledged_tag
    }

    /// Declares queue and bindings again.
    ///
    /// # Errors
    /// As [`Subscriber::redeclare`].
    pub(super) async fn redeclare(&self) -> Result<(), BusError> {
        self.subscriber.redeclare().await
    }

    /// Closes the channel: unacknowledged deliveries go back to their place in the queue.
    pub(super) async fn close(self) {
        self.progress.queue_is(None);
        self.subscriber.close().await;
    }
}
