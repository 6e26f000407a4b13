//! The publishing side: one connection, one confirm channel, one task.

use std::future::ready;

use futures::FutureExt;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Connection};
use tokio::sync::watch;

use domain::Envelope;

use crate::connection::{close, close_at_once, connect, open_channel, within};
use crate::connection_events::ConnectionEvents;
use crate::encode::{self, Outgoing};
use crate::unrouted::Unrouted;
use crate::{AmqpUrl, BusError, Confirm, Watermark, confirm, topology};

/// The library keeps 64 frames of memory for a connection, and 128 KiB each are the broker's choice. What is published fits into
/// less, and nothing but confirms comes back; a subscriber has to take whatever strangers publish.
const FRAME_BYTES_MAX: u32 = 32 * 1024;

/// Publishes in order and hands out a [`Confirm`] for each message.
///
/// Messages are written in the order of the calls. A call does not wait for the broker, also not while it blocks the
/// connection: how many messages are on their way is bounded by the caller, who keeps the confirms.
pub struct Publisher {
    channel: Channel,
    connection: Connection,
    events: ConnectionEvents,
    _unrouted: Unrouted,
}

impl Publisher {
    /// Connects, declares the exchanges and asks for confirms.
    ///
    /// # Errors
    /// As [`BusError`] says.
    pub async fn open(url: &AmqpUrl, connection_name: &str) -> Result<Self, BusError> {
        let connection = connect(url, connection_name, Some(FRAME_BYTES_MAX)).await?;
        let channel = open_channel(&connection).await?;
        topology::declare_exchanges(&channel).await?;
        let unrouted = Unrouted::keep(url, &connection, connection_name).await?;
        let publisher = Self {
            channel,
            // Not before: what was refused until now was no end.
            events: ConnectionEvents::follow(&connection, connection_name),
            connection,
            _unrouted: unrouted,
        };
        let options = ConfirmSelectOptions::default();
        within("confirm.select", publisher.channel.confirm_select(options)).await?;
        Ok(publisher)
    }

    /// Publishes an event to the exchange of its entity, with its type as the routing key.
    ///
    /// That no queue asks for it is no failure.
    ///
    /// # Errors
    /// [`BusError::Unpublishable`] when the envelope has no message; the publisher stays usable. Any other: it is lost.
    pub async fn publish(&mut self, envelope: &Envelope) -> Result<Confirm, BusError> {
        let message = encode::event(envelope)?;
        self.send(message).await
    }

    /// Publishes a watermark to every queue bound to its exchange.
    ///
    /// # Errors
    /// The publisher is lost.
    pub async fn publish_watermark(&mut self, watermark: &Watermark) -> Result<Confirm, BusError> {
        self.send(encode::watermark(watermark)).await
    }

    async fn send(&mut self, message: Outgoing) -> Result<Confirm, BusError> {
        let (channel, reason) = (self.channel.clone(), self.events.reason());
        let mut confirmed = Box::pin(async move {
            match publish(&channel, message).await {
                Err(error) => Err(reason.explain(error).await),
                Ok(()) => Ok(()),
            }
        });
        // The first poll takes the delivery tag and queues the frames; it must happen here, in the order of the calls.
        // It leaves no waker: that its frames are written is nothing to wake the caller for.
        match (&mut confirmed).now_or_never() {
            Some(result) => result.map(|()| Confirm::new(Box::pin(ready(Ok(()))))),
            None => Ok(Confirm::new(confirmed)),
        }
    }

    /// Tells whether the broker refuses to read from the connection: confirms will be late, and nothing is lost.
    pub fn blocked(&self) -> watch::Receiver<bool> {
        self.events.blocked()
    }

    /// Tells whether channel and connection are still there, as far as this side knows.
    pub fn is_open(&self) -> bool {
        self.channel.status().connected() && self.connection.status().connected()
    }

    /// Waits a moment for why the broker closed channel or connection; none if it has not said.
    pub async fn why_closed(&self) -> Option<BusError> {
        self.events.reason().get().await
    }

    /// Closes channel and connection. Messages without a confirm may or may not have arrived.
    pub async fn close(self) {
        close(&self.channel, &self.connection).await;
    }
}

/// Publishes a message and waits for the broker's answer.
async fn publish(channel: &Channel, message: Outgoing) -> Result<(), BusError> {
    let Outgoing {
        exchange,
        routing_key,
        properties,
        body,
    } = message;
    let options = BasicPublishOptions::default();
    let sent = channel
        .basic_publish(exchange, routing_key, options, &body, properties)
        .await;
    confirm::answer(sent.map_err(|source| BusError::Lost { source })?).await
}

impl Drop for Publisher {
    fn drop(&mut self) {
        close_at_once(&self.channel, &self.connection);
    }
}
