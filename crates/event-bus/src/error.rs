//! What can go wrong with the bus.

use domain::Position;

/// A failure of the bus. Except for [`BusError::Unpublishable`], each means that the connection is lost or unusable:
/// drop the publisher or subscriber, back off, open a new one.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The broker refused the connection, or could not be reached.
    #[error("cannot connect to the broker")]
    Connect {
        /// What the client library said.
        #[source]
        source: lapin::Error,
    },
    /// None of the cluster's nodes could be connected to.
    #[error("cannot connect to any node of the broker: {failures}")]
    NoNode {
        /// Each node's address, and why it could not.
        failures: String,
    },
    /// So many earlier attempts still hang in an unanswered handshake that another one is not started.
    #[error("the broker does not answer; {pending} earlier attempts to connect are still waiting")]
    AttemptsPending {
        /// How many.
        pending: usize,
    },
    /// The broker did not answer in time.
    #[error("the broker did not answer {operation} within {seconds} s")]
    Timeout {
        /// What was asked.
        operation: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// An exchange, a queue or a binding could not be declared; often one of that name exists with other properties.
    #[error("cannot declare {what}")]
    Topology {
        /// The exchange, queue or binding.
        what: String,
        /// What the client library said.
        #[source]
        source: lapin::Error,
    },
    /// The broker closed the channel or the connection, and said why: a consumer that held a message for too long, a queue or
    /// an exchange that is not as it should be, an operator.
    #[error("the broker closed the {what}: {code} {reason}")]
    ClosedByBroker {
        /// `channel` or `connection`.
        what: &'static str,
        /// The reply code of AMQP: 406, 320.
        code: u16,
        /// What the broker said.
        reason: String,
    },
    /// The connection or the channel is gone.
    #[error("the connection to the broker is lost")]
    Lost {
        /// What the client library said.
        #[source]
        source: lapin::Error,
    },
    /// The queue is there and lets nobody consume: it has no leader, for a moment or for good, or one that fails each time.
    #[error(
        "queue {queue} lets nobody consume ({reason}): it has no leader that works, and until it has one the broker confirms \
         nothing that is routed to it"
    )]
    QueueLeaderless {
        /// The queue.
        queue: String,
        /// What came of `basic.consume`.
        reason: String,
    },
    /// The broker ended the consumer (`basic.cancel`), which says no reason: its queue was deleted, its node went away, or, from
    /// RabbitMQ 4.3 on, it held a message for longer than the consumer timeout.
    #[error(
        "the broker ended the consumer of queue {queue}: the queue was deleted, its node went away, or a message was held \
         for longer than the broker's consumer timeout"
    )]
    ConsumerEnded {
        /// The queue.
        queue: String,
    },
    /// The broker did not take responsibility for a message.
    #[error("the broker refused a message (nack)")]
    Nacked,
    /// The broker answered a publish otherwise than with an ack or a nack; the channel is not in the mode it should be.
    #[error("the broker answered a publish without confirming it")]
    NotConfirmed,
    /// The envelope has no message: no broker will ever take it.
    #[error("the event at position {position} cannot be published: {reason}", position = position.0)]
    Unpublishable {
        /// Where it is in the log.
        position: Position,
        /// Why.
        reason: &'static str,
    },
}
