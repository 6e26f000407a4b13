//! The witness: consumers of its own that note what the bus delivers, and in which order.
//!
//! A queue that the broker has damaged for good is replaced, as a projection replaces its own. What was in it is gone without
//! anybody's fault but the broker's: between the last event that came to the old one and the first that comes to the new one
//! nothing is asked for, and the witness says so.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Envelope;
use event_bus::{AmqpUrl, Binding, BusError, ENTITY_EXCHANGES, Message, QueueSpec, Subscriber, delete_queue, is_bound};
use projections::Name;
use service::with_causes;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const NAME: &str = "chaos.witness";
const PREFETCH: u16 = 1_000;
const PAUSE: Duration = Duration::from_millis(200);
/// How long the first opening of a queue may be tried: a broker that has just come up makes queues slowly.
const OPEN_PATIENCE: Duration = Duration::from_secs(180);
/// How long a queue may be without a leader, here and for the projections: longer than an election takes, and less than by
/// default, for everything waits meanwhile.
pub(crate) const QUEUE_PATIENCE: Duration = Duration::from_secs(10);

/// What has come to a queue so far.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// How often each event has come.
    times: HashMap<Uuid, u64>,
    /// Events that a restore has taken out of the log.
    lost: HashSet<Uuid>,
    /// The last position that has come.
    last: i64,
    /// The last sequence of each stream that came for the first time.
    streams: HashMap<(String, String), i64>,
    /// First deliveries that came out of order.
    disordered: Vec<String>,
    /// Why it was deaf the last time.
    trouble: Option<String>,
    /// The positions that were, or would have been, in queues that were replaced.
    gaps: Vec<RangeInclusive<i64>>,
    /// Its queue was replaced, and nothing has come to the new one: where the gap begins.
    gap_from: Option<i64>,
}

impl Heard {
    fn hear(&mut self, queue: &str, event: &Envelope) {
        if self.lost.contains(&event.event_id) {
            return;
        }
        let position = event.position.0;
        self.close_gap(position - 1);
        self.last = self.last.max(position);
        let times = self.times.entry(event.event_id).or_default();
        *times += 1;
        if *times > 1 {
            return;
        }
        let (kind, id, sequence) = (&event.aggregate_type, &event.aggregate_id, event.sequence.0);
        let stream = (kind.clone(), id.clone());
        let last = self.streams.get(&stream).copied().unwrap_or_default();
        if sequence < last {
            self.disordered
                .push(format!("{queue}: {kind} {id}: sequence {sequence} came after {last}"));
        } else {
            self.streams.insert(stream, sequence);
        }
    }

    /// The log ends at this position again, and these events are not in it any more. Streams go on from where they were then.
    fn forget(&mut self, kept: i64, lost: &[Envelope]) {
        self.lost.extend(lost.iter().map(|event| event.event_id));
        self.times.retain(|event_id, _| !self.lost.contains(event_id));
        self.streams.clear();
        self.last = self.last.min(kept);
        self.gap_from = self.gap_from.map(|from| from.min(kept + 1));
        let gaps = self.gaps.iter().filter(|gap| *gap.start() <= kept);
        self.gaps = gaps.map(|gap| *gap.start()..=*gap.end().min(&kept)).collect();
    }

    /// From now on it is another queue. One that was not damaged after all goes on where it was, and there is no gap.
    fn open_gap(&mut self) {
        self.gap_from.get_or_insert(self.last + 1);
    }

    /// Everything after this position comes to the new queue.
    fn close_gap(&mut self, to: i64) {
        self.gaps.extend(self.gap_from.take().map(|from| from..=to));
    }

    fn is_excused(&self, position: i64) -> bool {
        self.gaps.iter().any(|gap| gap.contains(&position)) || self.gap_from.is_some_and(|from| position >= from)
    }

    fn was_replaced(&self) -> bool {
        self.gap_from.is_some() || self.gaps.iter().any(|gap| !gap.is_empty())
    }
}

/// A witness at work: a queue bound to everything, and one beside each projection's with the same bindings.
pub(crate) struct Witness {
    queues: Vec<Listening>,
    ending: CancellationToken,
}

struct Listening {
    queue: QueueSpec,
    heard: Arc<Mutex<Heard>>,
    task: JoinHandle<()>,
}

impl Witness {
    /// Binds its queues, then listens.
    ///
    /// # Errors
    /// The broker cannot be reached.
    pub(crate) async fn start(amqp_url: &AmqpUrl) -> Result<Self, BusError> {
        let everything = ENTITY_EXCHANGES.map(|exchange| Binding { exchange, pattern: "#" });
        let mut queues = vec![(NAME.to_owned(), everything.to_vec())];
        queues.extend(Name::ALL.map(|name| {
            let bindings = name.projection().bindings().to_vec();
            (format!("{NAME}.{}", name.as_str()), bindings)
        }));
        let ending = CancellationToken::new();
        let mut listening = Vec::new();
        for (name, bindings) in queues {
            let queue = QueueSpec {
                name,
                bindings,
                prefetch: PREFETCH,
            };
            let subscriber = open(amqp_url, &queue).await?;
            let heard = Arc::<Mutex<Heard>>::default();
            let (listen, stop) = (
                listen(subscriber, amqp_url.clone(), queue.clone(), heard.clone()),
                ending.clone(),
            );
            let task = tokio::spawn(async move {
                stop.run_until_cancelled(listen).await;
            });
            listening.push(Listening { queue, heard, task });
        }
        Ok(Self {
            queues: listening,
            ending,
        })
    }

    /// What has not come of these events, in words; none when every queue has had all that it is bound to.
    pub(crate) fn missing(&self, log: &[Envelope]) -> Option<String> {
        self.queues.iter().find_map(|Listening { queue, heard, .. }| {
            let heard = lock(heard);
            let bound = |event: &&Envelope| is_bound(&queue.bindings, &event.aggregate_type, &event.event_type);
            let missing: Vec<i64> = log
                .iter()
                .filter(bound)
                .filter(|event| !heard.times.contains_key(&event.event_id) && !heard.is_excused(event.position.0))
                .map(|event| event.position.0)
                .collect();
            let first = missing.first()?;
            Some(format!(
                "{} events never came to the queue {}, the first at position {first}; its last trouble: {}",
                missing.len(),
                queue.name,
                heard.trouble.as_deref().unwrap_or("none")
            ))
        })
    }

    /// The queues that had to be replaced, and how many of these events have come to none, in words; nothing without such queues.
    pub(crate) fn replaced(&self, log: &[Envelope]) -> Option<String> {
        let heard: Vec<_> = self
            .queues
            .iter()
            .map(|one| (&one.queue.name, lock(&one.heard)))
            .collect();
        let replaced = heard.iter().filter(|(_, heard)| heard.was_replaced());
        let names: Vec<&str> = replaced.map(|(name, _)| name.as_str()).collect();
        let is_heard = |event: &Envelope| heard.iter().any(|(_, heard)| heard.times.contains_key(&event.event_id));
        let unheard = log.iter().filter(|event| !is_heard(event)).count();
        (!names.is_empty()).then(|| {
            format!(
                "RabbitMQ brought queues of the witness back without a leader: {} were replaced, and {unheard} events came to none",
                names.join(", ")
            )
        })
    }

    /// The log ends at this position again, and these events are not in it any more: nobody has to have had them, and nobody is to
    /// be measured by them.
    pub(crate) fn forget(&self, kept: i64, lost: &[Envelope]) {
        for Listening { heard, .. } in &self.queues {
            lock(heard).forget(kept, lost);
        }
    }

    /// Deliveries of each event beyond its first, to the queue that is bound to everything.
    pub(crate) fn again(&self) -> u64 {
        let heard = lock(&self.queues[0].heard);
        heard.times.values().map(|times| times - 1).sum()
    }

    /// Stops listening; what came out of order.
    pub(crate) async fn end(&mut self) -> Vec<String> {
        self.ending.cancel();
        let mut disordered = Vec::new();
        for Listening { heard, task, .. } in &mut self.queues {
            task.await.expect("listening does not panic");
            disordered.append(&mut lock(heard).disordered);
        }
        disordered
    }
}

/// Opens a queue for the first time.
async fn open(amqp_url: &AmqpUrl, queue: &QueueSpec) -> Result<Subscriber, BusError> {
    let deadline = Instant::now() + OPEN_PATIENCE;
    loop {
        match Subscriber::open(amqp_url, queue, NAME).await {
            Err(_) if Instant::now() < deadline => sleep(PAUSE).await,
            opened => return opened,
        }
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(first: Subscriber, amqp_url: AmqpUrl, queue: QueueSpec, heard: Arc<Mutex<Heard>>) {
    let mut opened = Ok(first);
    let mut leaderless_since = None;
    loop {
        let lost = match opened {
            Ok(mut subscriber) => listen_until_lost(&mut subscriber, &queue.name, &heard).await.err(),
            Err(error) => Some(error),
        };
        leaderless_since = match lost {
            Some(BusError::QueueLeaderless { .. }) => leaderless_since.or_else(|| Some(Instant::now())),
            _ => None,
        };
        lock(&heard).trouble = lost.map(|error| with_causes(&error));
        if leaderless_since.is_some_and(|since| since.elapsed() > QUEUE_PATIENCE) {
            // Before it is known: an answer can be lost, too.
            lock(&heard).open_gap();
            if delete_queue(&amqp_url, &queue.name, NAME).await.is_ok() {
                leaderless_since = None;
            }
        }
        sleep(PAUSE).await;
        opened = Subscriber::open(&amqp_url, &queue, NAME).await;
    }
}

async fn listen_until_lost(subscriber: &mut Subscriber, queue: &str, heard: &Mutex<Heard>) -> Result<(), BusError> {
    loop {
        let delivery = subscriber.next().await?;
        match &delivery.message {
            Message::Event(event) => lock(heard).hear(queue, event),
            // Its events were published before it.
            Message::Watermark(watermark) => lock(heard).close_gap(watermark.to.0),
            Message::Foreign { .. } => {}
        }
        subscriber.ack_through(delivery.tag).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::verdict::tests::event as event_of;

    fn event(position: i64) -> Envelope {
        event_of(position, &position.to_string(), 1, "user.created", "key")
    }

    fn excused(heard: &Heard) -> Vec<i64> {
        (1..=9).filter(|position| heard.is_excused(*position)).collect()
    }

    #[test]
    fn what_a_replaced_queue_held_is_excused_and_nothing_before_or_after_it() {
        let mut heard = Heard::default();
        for position in [1, 3] {
            heard.hear("q", &event(position));
        }
        heard.open_gap();
        heard.hear("q", &event(7));
        heard.hear("q", &event(9));
        assert_eq!(excused(&heard), [4, 5, 6], "2 and 8 are lost");
        assert!(heard.was_replaced());
    }

    #[test]
    fn a_watermark_ends_what_is_excused_too() {
        let mut heard = Heard::default();
        heard.hear("q", &event(1));
        heard.open_gap();
        assert_eq!(excused(&heard), [2, 3, 4, 5, 6, 7, 8, 9], "nothing has come yet");
        heard.close_gap(5);
        heard.hear("q", &event(8));
        assert_eq!(excused(&heard), [2, 3, 4, 5]);
    }

    #[test]
    fn what_a_restore_takes_out_of_the_log_is_forgotten_and_its_positions_are_heard_anew() {
        let (mut heard, lost, other) = (Heard::default(), event_of(2, "a", 2, "user.renamed", "k"), event(2));
        heard.hear("q", &event_of(1, "a", 1, "user.created", "k"));
        heard.hear("q", &lost);
        heard.forget(1, std::slice::from_ref(&lost));
        for event in [&lost, &other, &event_of(3, "a", 1, "user.renamed", "k")] {
            heard.hear("q", event);
        }
        assert_eq!(heard.times.get(&lost.event_id), None, "also when it comes once more");
        assert_eq!(heard.times.get(&other.event_id), Some(&1));
        assert!(heard.disordered.is_empty(), "{:?}", heard.disordered);
    }

    #[test]
    fn a_queue_that_goes_on_where_it_was_excuses_nothing() {
        let mut heard = Heard::default();
        heard.hear("q", &event(1));
        heard.open_gap();
        heard.open_gap();
        heard.hear("q", &event(2));
        assert_eq!(excused(&heard), [0_i64; 0]);
        assert!(!heard.was_replaced());
    }
}
