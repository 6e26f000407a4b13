//! What a consumer does when its queue has no leader: it waits longer than elections take, then replaces the queue.
//!
//! A broker that is killed soon after a queue was declared may come back with a member of it that has forgotten which
//! queue it belongs to (seen with RabbitMQ 3.10; the register of members is not synced to disk). No leader is ever elected
//! then, nobody can consume, and nothing that is routed to the queue is confirmed: the relay stands still for all. So does a
//! queue that has lost most of its members for good. Deleting it loses nothing, for what was in it is in the log.
//!
//! Certain before it deletes: the queue was asked again and again, on new connections, for as long as the settings say,
//! and once more under a lock in the read model's database. Nobody else can have replaced it meanwhile.

use event_bus::{BusError, Subscriber, delete_queue};
use metrics::counter;
use sqlx::ConnectOptions;
use tokio::time::Instant;

use crate::consumer::Consumer;
use crate::consumer::ending::Ending;
use crate::{control, metric};

/// Since when the queue has not answered, every time it was asked.
#[derive(Default)]
pub(super) struct Leaderless(Option<Instant>);

impl Leaderless {
    /// Takes note of how a session ended that began at `started`.
    pub(super) fn note(&mut self, ending: &Ending, started: Instant) {
        self.0 = match ending {
            Ending::Bus(BusError::QueueUnanswered { .. }) => self.0.or(Some(started)),
            _ => None,
        };
    }

    /// Replaces the queue if it has not answered for too long.
    ///
    /// # Errors
    /// As a session's; the next failure to consume is the next attempt.
    pub(super) async fn replace_queue_if_due(&mut self, consumer: &Consumer) -> Result<(), Ending> {
        let patience = consumer.args.queue_patience();
        if self.0.is_none_or(|since| since.elapsed() < patience) {
            return Ok(());
        }
        consumer.within_limit(replace_queue(consumer)).await??;
        self.0 = None;
        Ok(())
    }
}

async fn replace_queue(consumer: &Consumer) -> Result<(), Ending> {
    let projection = consumer.projection.name();
    let database = |error: sqlx::Error| Ending::Database(error.into());
    // The lock ends with the session, and so with this function, however that ends.
    let mut session = consumer.database.connect().await.map_err(database)?;
    if !control::try_lock_queue(&mut session, projection)
        .await
        .map_err(database)?
    {
        return Ok(());
    }
    let (queue, name) = (consumer.queue(), consumer.connection_name());
    match Subscriber::open(&consumer.amqp_url, &queue, &name).await {
        Err(BusError::QueueUnanswered { .. }) => {}
        Err(other) => return Err(other.into()),
        Ok(subscriber) => {
            subscriber.close().await;
            return Ok(());
        }
    }
    tracing::warn!(
        projection,
        queue = queue.name,
        "the queue has no leader; it is deleted and declared again, and what it held comes from the log"
    );
    delete_queue(&consumer.amqp_url, &queue.name, &name).await?;
    Subscriber::open(&consumer.amqp_url, &queue, &name).await?.close().await;
    counter!(metric::QUEUES_REPLACED, metric::PROJECTION => projection).increment(1);
    Ok(())
}
