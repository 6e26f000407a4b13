//! The witness: a consumer of its own, bound to everything, that notes what comes and in which order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{Envelope, Position};
use event_bus::{AmqpUrl, Binding, BusError, ENTITY_EXCHANGES, Message, QueueSpec, Subscriber};
use service::with_causes;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

const NAME: &str = "chaos.witness";
const PREFETCH: u16 = 1_000;
const PAUSE: Duration = Duration::from_millis(200);

/// What has come so far.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// How often each event has come.
    times: HashMap<i64, u64>,
    /// The last sequence of each stream that came for the first time.
    streams: HashMap<(String, String), i64>,
    /// First deliveries that came out of order.
    pub(crate) disordered: Vec<String>,
    /// Why it was deaf the last time.
    pub(crate) trouble: Option<String>,
}

impl Heard {
    fn hear(&mut self, event: &Envelope) {
        let times = self.times.entry(event.position.0).or_default();
        *times += 1;
        if *times > 1 {
            return;
        }
        let (kind, id, sequence) = (&event.aggregate_type, &event.aggregate_id, event.sequence.0);
        let last = self
            .streams
            .insert((kind.clone(), id.clone()), sequence)
            .unwrap_or_default();
        if sequence != last + 1 {
            self.disordered
                .push(format!("{kind} {id}: sequence {sequence} came after {last}"));
        }
    }

    /// Deliveries beyond the first of each event.
    pub(crate) fn again(&self) -> u64 {
        self.times.values().map(|times| times - 1).sum()
    }

    /// Positions up to the head that never came.
    pub(crate) fn missing(&self, head: Position) -> Vec<i64> {
        (1..=head.0)
            .filter(|position| !self.times.contains_key(position))
            .collect()
    }
}

/// A witness at work.
pub(crate) struct Witness {
    heard: Arc<Mutex<Heard>>,
    ending: CancellationToken,
    listening: JoinHandle<()>,
}

impl Witness {
    /// Binds its queue, then listens.
    ///
    /// # Errors
    /// The broker cannot be reached.
    pub(crate) async fn start(amqp_url: AmqpUrl) -> Result<Self, BusError> {
        let queue = QueueSpec {
            name: NAME.to_owned(),
            bindings: ENTITY_EXCHANGES
                .map(|exchange| Binding { exchange, pattern: "#" })
                .into(),
            prefetch: PREFETCH,
        };
        let subscriber = Subscriber::open(&amqp_url, &queue, NAME).await?;
        let (heard, ending) = (Arc::<Mutex<Heard>>::default(), CancellationToken::new());
        let listening = listen(subscriber, amqp_url, queue, heard.clone());
        let stop = ending.clone();
        let listening = tokio::spawn(async move {
            stop.run_until_cancelled(listening).await;
        });
        Ok(Self {
            heard,
            ending,
            listening,
        })
    }

    pub(crate) fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn end(&mut self) {
        self.ending.cancel();
        (&mut self.listening).await.expect("listening does not panic");
    }
}

async fn listen(first: Subscriber, amqp_url: AmqpUrl, queue: QueueSpec, heard: Arc<Mutex<Heard>>) {
    let mut opened = Ok(first);
    loop {
        let lost = match opened {
            Ok(mut subscriber) => listen_until_lost(&mut subscriber, &heard).await.err(),
            Err(error) => Some(error),
        };
        let trouble = lost.map(|error| with_causes(&error));
        heard.lock().unwrap_or_else(PoisonError::into_inner).trouble = trouble;
        sleep(PAUSE).await;
        opened = Subscriber::open(&amqp_url, &queue, NAME).await;
    }
}

async fn listen_until_lost(subscriber: &mut Subscriber, heard: &Mutex<Heard>) -> Result<(), BusError> {
    loop {
        let delivery = subscriber.next().await?;
        if let Message::Event(event) = &delivery.message {
            heard.lock().unwrap_or_else(PoisonError::into_inner).hear(event);
        }
        subscriber.ack_through(delivery.tag).await?;
    }
}
