//! Asking how long a queue is, without consuming from it.

use lapin::Channel;
use lapin::Connection;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;

use crate::connection::{ClosedOnDrop, close, close_at_once, connect, open_channel, within};
use crate::{AmqpUrl, BusError};

/// How long a queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Messages that wait to be delivered; those that are delivered and not acknowledged are not among them.
    pub messages: u32,
    /// Consumers as the broker counts them: of a queue with a single active one, not those that wait to become it (seen with
    /// RabbitMQ 3.10).
    pub consumers: u32,
}

/// Asks on a connection of its own, for who does not consume at the moment.
pub struct Onlooker {
    channel: Channel,
    connection: ClosedOnDrop,
    queue: String,
}

impl Onlooker {
    /// Connects; whether the queue is there is found out when it is asked for.
    ///
    /// # Errors
    /// As [`BusError`] says.
    pub async fn open(url: &AmqpUrl, queue: &str, connection_name: &str) -> Result<Self, BusError> {
        let connection = ClosedOnDrop(connect(url, connection_name, None).await?);
        Ok(Self {
            channel: open_channel(&connection).await?,
            connection,
            queue: queue.to_owned(),
        })
    }

    /// Asks how long the queue is.
    ///
    /// # Errors
    /// The onlooker is lost, also when there is no such queue.
    pub async fn depth(&self) -> Result<Depth, BusError> {
        depth(&self.channel, &self.queue).await
    }

    /// Closes channel and connection.
    pub async fn close(self) {
        let connection: &Connection = &self.connection;
        close(&self.channel, connection).await;
    }
}

impl Drop for Onlooker {
    fn drop(&mut self) {
        close_at_once(&self.channel, &self.connection);
    }
}

/// Asks on a channel, which a queue that is not there closes.
pub(crate) async fn depth(channel: &Channel, queue: &str) -> Result<Depth, BusError> {
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let declare = channel.queue_declare(queue.into(), options, FieldTable::default());
    let queue = within("queue.declare", declare).await?;
    Ok(Depth {
        messages: queue.message_count(),
        consumers: queue.consumer_count(),
    })
}
