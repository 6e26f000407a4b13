//! The queue of what nobody asked for: there where the broker lets it be, and never in the way.
//!
//! It is a classic queue, and on one node of a cluster. While that node is away RabbitMQ 4 refuses (nack) every message that
//! is routed to it, though other queues have taken it; before 4.0 it is passed over. So a queue that is away is unbound, and
//! bound again when it is back. RabbitMQ says that it is away by a refusal (404), and 4.3 by no answer at all to who declares it.
//! Whatever else the broker has against the queue (a limit of the vhost, one of that name with
//! other properties) is no reason to stand still either: what nobody asked for is dropped then.

use std::time::Duration;

use lapin::protocol::AMQPSoftError;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::connection::{ClosedOnDrop, connect, open_channel, timed_out, with_sources, within};
use crate::topology::{UNROUTED_EXCHANGE, bind, declare_queue, is_refused_with, table};
use crate::{AmqpUrl, BusError};

/// Kept of what nobody asked for, oldest dropped first: enough to see what it is.
const MESSAGES_MAX: i64 = 1000;
const BYTES_MAX: i64 = 8 * 1024 * 1024;
/// How long the broker may take to declare the queue; one that is away is unbound. If the broker was only slow, it is bound again
/// at the next try.
const DECLARE_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a queue that was refused is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Sees to it that the queue is there, as soon as the broker lets it be, for as long as this is kept.
pub(crate) struct Unrouted {
    _keeper: Option<AbortOnDropHandle<()>>,
}

impl Unrouted {
    /// Declares and binds the queue; where the broker refuses it, publishing goes on without it, and it is tried again from
    /// time to time on connections of its own.
    ///
    /// # Errors
    /// The connection is lost.
    pub(crate) async fn keep(url: &AmqpUrl, connection: &Connection, name: &str) -> Result<Self, BusError> {
        let keeper = match declare(connection).await? {
            true => None,
            false => Some(tokio::spawn(keep_trying(url.clone(), format!("{name} unrouted")))),
        };
        Ok(Self {
            _keeper: keeper.map(AbortOnDropHandle::new),
        })
    }
}

async fn keep_trying(url: AmqpUrl, name: String) {
    let mut due = interval(RETRY_INTERVAL);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    due.tick().await;
    loop {
        due.tick().await;
        match try_again(&url, &name).await {
            Ok(true) => return tracing::info!("unrouted events are kept again"),
            Ok(false) => {}
            Err(error) => tracing::debug!(
                error = with_sources(&error),
                "the queue of unrouted events was not tried"
            ),
        }
    }
}

async fn try_again(url: &AmqpUrl, name: &str) -> Result<bool, BusError> {
    // Closed in any case: a declaration without an answer would keep it.
    let connection = ClosedOnDrop(connect(url, name, None).await?);
    // A channel of its own: a refusal closes it.
    let channel = open_channel(&connection).await?;
    Ok(matches!(
        timeout(DECLARE_TIMEOUT, declare_on(&channel)).await,
        Ok(Ok(()))
    ))
}

/// Declares the queue and binds it; false if the broker refuses it, which is then said, and one that is away is bound to nothing.
pub(crate) async fn declare(connection: &Connection) -> Result<bool, BusError> {
    // A channel of its own: a refusal closes it, and it is of no use while an answer is owed.
    let channel = open_channel(connection).await?;
    let (error, is_away) = match timeout(DECLARE_TIMEOUT, declare_on(&channel)).await {
        Ok(Ok(())) => {
            within("channel.close", channel.close(200, "OK".into())).await?;
            return Ok(true);
        }
        Ok(Err(error)) => {
            let is_away = is_refused_with(&error, AMQPSoftError::NOTFOUND);
            (error, is_away)
        }
        Err(_) => (timed_out("queue.declare", DECLARE_TIMEOUT), true),
    };
    if !connection.status().connected() {
        return Err(error);
    }
    tracing::warn!(
        error = with_sources(&error),
        "the broker refuses the queue of unrouted events, or its node is away; they are dropped until it takes it"
    );
    if is_away {
        unbind(connection).await?;
    }
    Ok(false)
}

async fn declare_on(channel: &Channel) -> Result<(), BusError> {
    let arguments = table([
        ("x-queue-type", AMQPValue::LongString("classic".into())),
        ("x-max-length", AMQPValue::LongLongInt(MESSAGES_MAX)),
        ("x-max-length-bytes", AMQPValue::LongLongInt(BYTES_MAX)),
        ("x-overflow", AMQPValue::LongString("drop-head".into())),
    ]);
    declare_queue(channel, UNROUTED_EXCHANGE, arguments).await?;
    bind(channel, UNROUTED_EXCHANGE, UNROUTED_EXCHANGE, "").await
}

/// Takes a queue whose node is away out of the way of what is published. That works without the node.
async fn unbind(connection: &Connection) -> Result<(), BusError> {
    let channel = open_channel(connection).await?;
    let (queue, exchange) = (UNROUTED_EXCHANGE.into(), UNROUTED_EXCHANGE.into());
    let unbound = channel.queue_unbind(queue, exchange, "".into(), FieldTable::default());
    match within("queue.unbind", unbound).await {
        Ok(()) => within("channel.close", channel.close(200, "OK".into())).await,
        Err(error) if connection.status().connected() => {
            tracing::warn!(
                error = with_sources(&error),
                "the queue of unrouted events is away and cannot be unbound; RabbitMQ 4 refuses what is routed to it"
            );
            Ok(())
        }
        Err(error) => Err(error),
    }
}
