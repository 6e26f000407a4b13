//! The consuming side: one connection, one channel, one queue.

use futures::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::protocol::AMQPHardError;
use lapin::types::FieldTable;
use lapin::{Channel, Consumer, ErrorKind};
use metrics::{Counter, counter};

use crate::connection::{ClosedOnDrop, close, close_at_once, connect, within};
use crate::connection_events::ConnectionEvents;
use crate::topology::{QueueSpec, open_subscription};
use crate::{AmqpUrl, BusError, Delivery, Depth, Message, decode, metric_names, onlooker};

/// Receives the messages of one queue, as the only active consumer of it or waiting to become that.
///
/// It never sends `basic.cancel`, `nack`, `reject` or `recover`: each of them lets messages overtake one another or
/// gives them to a second consumer too early. Closing the channel, or dropping this, puts everything unacknowledged
/// back in its place.
pub struct Subscriber {
    consumer: Consumer,
    channel: Channel,
    connection: ClosedOnDrop,
    events: ConnectionEvents,
    spec: QueueSpec,
    deliveries: Counter,
    foreign: Counter,
}

impl Subscriber {
    /// Connects, declares queue and bindings, and the exchanges if one is missing, and starts to consume.
    ///
    /// # Errors
    /// As [`BusError`] says; [`BusError::Topology`] when the queue exists with other properties,
    /// [`BusError::QueueLeaderless`] when it lets nobody consume.
    pub async fn open(url: &AmqpUrl, spec: &QueueSpec, connection_name: &str) -> Result<Self, BusError> {
        let connection = ClosedOnDrop(connect(url, connection_name, None).await?);
        let channel = open_subscription(&connection, spec).await?;
        // Not before: what was refused until now may be no end.
        let events = ConnectionEvents::follow(&connection, connection_name);
        // Before consuming: the client library buffers whatever the broker sends.
        within(
            "basic.qos",
            channel.basic_qos(spec.prefetch, BasicQosOptions::default()),
        )
        .await?;
        let options = BasicConsumeOptions::default();
        let queue = spec.name.as_str();
        let consumer = channel.basic_consume(queue.into(), connection_name.into(), options, FieldTable::default());
        let consumer = within("basic.consume", consumer).await;
        let consumer = match consumer {
            Ok(consumer) => consumer,
            Err(error) => return Err(events.reason().explain(leaderless(queue, error)).await),
        };
        Ok(Self {
            consumer,
            channel,
            connection,
            events,
            spec: spec.clone(),
            deliveries: counter!(metric_names::DELIVERIES, metric_names::QUEUE => spec.name.clone()),
            foreign: counter!(metric_names::FOREIGN, metric_names::QUEUE => spec.name.clone()),
        })
    }

    /// Waits for the next delivery. Dropping the future loses none.
    ///
    /// # Errors
    /// The subscriber is lost: drop it and open a new one. A message that cannot be read is no error.
    pub async fn next(&mut self) -> Result<Delivery, BusError> {
        let raw = match self.consumer.next().await {
            Some(Ok(raw)) => raw,
            Some(Err(source)) => return Err(self.explain(BusError::Lost { source }).await),
            None => {
                return Err(BusError::ConsumerEnded {
                    queue: self.spec.name.clone(),
                });
            }
        };
        let (tag, redelivered) = (raw.delivery_tag, raw.redelivered);
        let message = decode::message(raw);
        self.deliveries.increment(1);
        if let Message::Foreign { reason, .. } = &message {
            self.foreign.increment(1);
            tracing::warn!(queue = self.spec.name, reason, "a foreign message");
        }
        Ok(Delivery {
            tag,
            redelivered,
            message,
        })
    }

    /// Acknowledges every delivery up to and including `tag`. Each tag may be given once; 0 acknowledges nothing.
    ///
    /// `Ok` means written, not that the broker has seen it: after a lost connection deliveries may come again.
    ///
    /// # Errors
    /// The subscriber is lost.
    pub async fn ack_through(&self, tag: u64) -> Result<(), BusError> {
        if tag == 0 {
            // For AMQP 0 is everything delivered so far.
            return Ok(());
        }
        let acknowledged = self.channel.basic_ack(tag, BasicAckOptions { multiple: true });
        match within("basic.ack", acknowledged).await {
            Err(error) => Err(self.explain(error).await),
            Ok(()) => Ok(()),
        }
    }

    async fn explain(&self, error: BusError) -> BusError {
        self.events.reason().explain(error).await
    }

    /// Declares queue and bindings again, and the exchanges if one is missing, for when something was deleted; consuming
    /// goes on.
    ///
    /// # Errors
    /// As for [`Subscriber::open`].
    pub async fn redeclare(&self) -> Result<(), BusError> {
        // A channel of its own: a refusal closes the channel it is given on.
        let channel = open_subscription(&self.connection, &self.spec).await?;
        within("channel.close", channel.close(200, "OK".into())).await
    }

    /// Asks how long the queue is, on the channel that consumes it.
    ///
    /// # Errors
    /// The subscriber is lost, also when the queue is not there any more.
    pub async fn depth(&self) -> Result<Depth, BusError> {
        match onlooker::depth(&self.channel, &self.spec.name).await {
            Err(error) => Err(self.explain(error).await),
            depth => depth,
        }
    }

    /// Closes channel and connection; what is unacknowledged goes back to its place in the queue.
    pub async fn close(self) {
        close(&self.channel, &self.connection).await;
    }
}

/// What it says of a queue that the broker does not let us consume from. Everything else about a queue it answers from its own
/// tables; this the queue's leader answers. One that is not there says nothing; one whose state is damaged takes the connection
/// along, each time (seen with RabbitMQ 3.10 after its disk was full).
fn leaderless(queue: &str, error: BusError) -> BusError {
    let reason = match &error {
        BusError::Timeout { seconds, .. } => format!("no answer to basic.consume within {seconds} s"),
        BusError::Lost { source } if is_internal(source) => {
            "the broker has an internal error at basic.consume".to_owned()
        }
        _ => return error,
    };
    BusError::QueueLeaderless {
        queue: queue.to_owned(),
        reason,
    }
}

fn is_internal(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(reply) if *reply.kind() == AMQPHardError::INTERNALERROR.into())
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        close_at_once(&self.channel, &self.connection);
    }
}

#[cfg(test)]
mod tests {
    use lapin::protocol::{AMQPError, AMQPSoftError};

    use super::*;

    fn lost(error: AMQPError) -> BusError {
        BusError::Lost {
            source: ErrorKind::ProtocolError(error).into(),
        }
    }

    #[test]
    fn silence_and_an_internal_error_tell_of_a_queue_without_a_leader_and_nothing_else_does() {
        let is_leaderless = |error| matches!(leaderless("q", error), BusError::QueueLeaderless { .. });
        let silence = BusError::Timeout {
            operation: "basic.consume",
            seconds: 10,
        };
        assert!(is_leaderless(silence));
        assert!(is_leaderless(lost(AMQPError::new(
            AMQPHardError::INTERNALERROR.into(),
            "".into()
        ))));
        for other in [AMQPHardError::CONNECTIONFORCED.into(), AMQPSoftError::NOTFOUND.into()] {
            assert!(!is_leaderless(lost(AMQPError::new(other, "".into()))));
        }
    }
}
