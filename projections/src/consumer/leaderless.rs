//! What a consumer does when its queue has no leader: it waits longer than elections take, then replaces the queue.
//!
//! A broker that is killed soon after a queue was declared may come back with a member of it that has forgotten which
//! queue it belongs to (seen with RabbitMQ 3.10; the register of members is not synced to disk). No leader is ever elected
//! then, nobody can consume, and nothing that is routed to the queue is confirmed: the relay stands still for all. So does a
//! queue that has lost most of its members for good, and one whose leader fails each time over its damaged state (seen after
//! a full disk). Deleting it loses nothing, for what was in it is in the log.
//!
//! Certain before it deletes: for as long as the settings say the queue let nobody consume whenever it was asked, on new
//! connections, and once more under a lock in the read model's database. Nobody else can have replaced it meanwhile.

use std::time::Duration;

use event_bus::{BusError, Subscriber, delete_queue};
use metrics::counter;
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
            Ending::Bus(BusError::QueueLeaderless { .. }) => self.0.or(Some(started)),
            _ => None,
        };
    }

    fn lasts(&self, patience: Duration, now: Instant) -> bool {
        self.0.is_some_and(|since| now >= since + patience)
    }

    /// Replaces the queue if it has not answered for too long.
    ///
    /// # Errors
    /// As a session's; the next failure to consume is the next attempt.
    pub(super) async fn replace_queue_if_due(&mut self, consumer: &Consumer) -> Result<(), Ending> {
        if !self.lasts(consumer.args.queue_patience(), Instant::now()) {
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
        Err(BusError::QueueLeaderless { .. }) => {}
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use event_bus::BusError;
    use tokio::time::Instant;

    use super::Leaderless;
    use crate::consumer::ending::Ending;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn unanswered() -> Ending {
        Ending::Bus(BusError::QueueLeaderless {
            queue: "users.v1".into(),
            reason: "no answer".into(),
        })
    }

    #[test]
    fn only_a_queue_that_never_answers_for_long_enough_is_without_a_leader() {
        let mut leaderless = Leaderless::default();
        let first = Instant::now();
        assert!(!leaderless.lasts(PATIENCE, first + PATIENCE));
        leaderless.note(&unanswered(), first);
        leaderless.note(&unanswered(), first + PATIENCE / 2);
        assert!(!leaderless.lasts(PATIENCE, first + PATIENCE / 2));
        assert!(
            leaderless.lasts(PATIENCE, first + PATIENCE),
            "counted from the first question"
        );
    }

    #[test]
    fn whatever_else_ends_a_session_begins_the_time_anew() {
        let mut leaderless = Leaderless::default();
        let first = Instant::now();
        leaderless.note(&unanswered(), first);
        leaderless.note(&Ending::LogChanged, first);
        assert!(!leaderless.lasts(PATIENCE, first + PATIENCE));
        leaderless.note(&unanswered(), first + PATIENCE);
        assert!(!leaderless.lasts(PATIENCE, first + PATIENCE + PATIENCE / 2));
    }
}
