//! Executes a command: load, decide, append, and once more when another command was faster.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use domain::{Metadata, Position, Sequence};
use serde::Serialize;
use uuid::Uuid;

use crate::append::{Append, AppendOutcome, Guard, NewEvent};
use crate::condition::Condition;
use crate::error::ExecuteError;
use crate::idempotency::{Idempotency, RecordedAnswer, recorded};
use crate::load::Loaded;
use crate::metric;
use crate::state_tag::StateTag;
use crate::store::EventStore;

/// What comes along with a command.
#[derive(Clone, Debug, Default)]
pub struct CommandRequest {
    /// Recorded with every event of the command.
    pub metadata: Metadata,
    /// What the stream has to be like for the command to be accepted.
    pub condition: Condition,
    /// Makes the command repeatable.
    pub idempotency: Option<Idempotency>,
}

/// A command with what was found out for it.
#[derive(Clone, Debug)]
pub struct Prepared<C> {
    /// The command.
    pub command: C,
    /// A stream the command's facts were taken from: when it has moved, the command is prepared again.
    pub guard: Option<Guard>,
}

impl<C> From<C> for Prepared<C> {
    fn from(command: C) -> Self {
        Self { command, guard: None }
    }
}

/// An accepted command.
#[derive(Clone, Debug)]
pub enum Outcome<A> {
    /// Accepted now.
    Accepted {
        /// The aggregate after the command.
        state: Arc<A>,
        /// Where its stream ends.
        sequence: Sequence,
        /// Position of the stream's last event.
        position: Position,
        /// How many events the command appended; 0 when it changed nothing.
        events: usize,
        /// Identity of the log that has them.
        log_id: Uuid,
    },
    /// Accepted before, under the same idempotency key.
    Replayed(RecordedAnswer),
}

impl EventStore {
    /// Executes a command that needs to know nothing but its own aggregate: see [`EventStore::execute_prepared`].
    ///
    /// # Errors
    /// [`ExecuteError`]. Nothing was appended, except perhaps with [`crate::StoreError::OutcomeUnknown`].
    pub async fn execute<A>(
        &self,
        id: &str,
        request: &CommandRequest,
        command: A::Command,
    ) -> Result<Outcome<A>, ExecuteError<A::Error, Infallible>>
    where
        A: Aggregate<Services = ()> + Clone + 'static,
        A::Command: Clone,
    {
        self.execute_prepared(id, request, || ready(Ok(Prepared::from(command.clone()))))
            .await
    }

    /// Loads the aggregate, decides the command and appends its events; on a conflict prepares, loads and decides
    /// again, a bounded number of times.
    ///
    /// A decision that appends nothing (a rejection, a no-op, a failed condition) is made or confirmed on the state
    /// in the store, never on a cached or a guessed one alone. The idempotency key is looked up before loading, by the append
    /// itself, and again before a rejection is answered: the first copy of the command may have succeeded meanwhile.
    ///
    /// # Errors
    /// [`ExecuteError`]. Nothing was appended, except perhaps with [`crate::StoreError::OutcomeUnknown`].
    pub async fn execute_prepared<A, P, F>(
        &self,
        id: &str,
        request: &CommandRequest,
        prepare: impl Fn() -> F,
    ) -> Result<Outcome<A>, ExecuteError<A::Error, P>>
    where
        A: Aggregate<Services = ()> + Clone + 'static,
        F: Future<Output = Result<Prepared<A::Command>, P>>,
    {
        if let Some(answer) = self.replay(request).await? {
            return Ok(Outcome::Replayed(answer));
        }
        let _turn = self.turns.take(A::TYPE, id).await?;
        if request.condition.names_log() {
            // The log may have been replaced since this process last heard of it, and the state with it.
            self.ask_log_id().await?;
        }
        let mut at_hand = match self.cached::<A>(id) {
            Some(cached) => {
                metrics::counter!(metric::CACHE_HITS).increment(1);
                Some((cached, Basis::Cache))
            }
            // Loading each stream before it is created would double the round trips.
            None => self
                .novelty
                .is_likely()
                .then(|| (Loaded::without_events(), Basis::Guess)),
        };
        // What is at hand is not counted: it may be old, or guessed wrong.
        for _ in 0..=self.attempts_max {
            let (before, basis) = match at_hand.take() {
                Some(at_hand) => at_hand,
                None => {
                    metrics::counter!(metric::CACHE_MISSES).increment(1);
                    let loaded = self.load_and_cache::<A>(id).await?;
                    self.novelty.found(loaded.sequence == Sequence(0));
                    (loaded, Basis::Store)
                }
            };
            // What has no condition is decided without asking which log it is.
            let log_id = match request.condition.is_none() {
                true => None,
                false => Some(self.log_id().await?),
            };
            let decision = match self.decide(request, log_id, &before, &prepare).await {
                Ok(decision) => decision,
                Err(ExecuteError::Prepare(error)) => return Err(ExecuteError::Prepare(error)),
                Err(error) => {
                    let stands = match basis {
                        Basis::Store => true,
                        Basis::Cache => self.confirm::<A>(id, before.sequence).await?,
                        Basis::Guess => false,
                    };
                    if !stands {
                        self.forget::<A>(id);
                        continue;
                    }
                    return match self.replay(request).await? {
                        Some(answer) => Ok(Outcome::Replayed(answer)),
                        None => Err(error),
                    };
                }
            };
            let events = decision.events.len();
            if events == 0 && request.idempotency.is_none() {
                let head = self.stream_head(A::TYPE, id).await?;
                if head.sequence == before.sequence {
                    self.await_standby(head.synchronous).await?;
                    return Ok(Outcome::Accepted {
                        state: before.state,
                        sequence: head.sequence,
                        position: head.position,
                        events,
                        log_id: self.log_id().await?,
                    });
                }
                self.forget::<A>(id);
                continue;
            }
            let append = decision.append(id, before.sequence, request);
            let (log_id, outcome) = self.append(append, &decision.state).await?;
            match outcome {
                AppendOutcome::Appended { sequence, position } => {
                    if basis == Basis::Guess {
                        self.novelty.found(true);
                    }
                    return Ok(Outcome::Accepted {
                        state: decision.state,
                        sequence,
                        position,
                        events,
                        log_id,
                    });
                }
                AppendOutcome::Replayed(answer) => return Ok(Outcome::Replayed(answer)),
                AppendOutcome::KeyReused => return Err(ExecuteError::KeyReused),
                AppendOutcome::Conflict => {}
            }
        }
        Err(ExecuteError::Conflict)
    }

    /// Lets the aggregate decide, then checks the condition: it says nothing of a command that would be rejected without it
    /// (RFC 9110, 13.2.1).
    async fn decide<A, P, F>(
        &self,
        request: &CommandRequest,
        log_id: Option<Uuid>,
        before: &Loaded<A>,
        prepare: &impl Fn() -> F,
    ) -> Result<Decision<A>, ExecuteError<A::Error, P>>
    where
        A: Aggregate<Services = ()> + Clone,
        F: Future<Output = Result<Prepared<A::Command>, P>>,
    {
        let Prepared { command, guard } = prepare().await.map_err(ExecuteError::Prepare)?;
        let mut state = A::clone(&before.state);
        let sink = EventSink::default();
        // The sink applies each event to the aggregate as it is written.
        state
            .handle(command, &(), &sink)
            .await
            .map_err(ExecuteError::Rejected)?;
        if let Some(log_id) = log_id
            && let Some(failed) = request.condition.failure(StateTag::new(log_id, before.sequence))
        {
            return Err(ExecuteError::PreconditionFailed {
                failed,
                sequence: before.sequence,
                log_id,
            });
        }
        Ok(Decision {
            state: Arc::new(state),
            events: sink.collect().await,
            guard,
        })
    }

    /// The recorded answer when the request's key was used before by the same request.
    async fn replay<R, P>(&self, request: &CommandRequest) -> Result<Option<RecordedAnswer>, ExecuteError<R, P>> {
        let Some(idempotency) = &request.idempotency else {
            return Ok(None);
        };
        match recorded(&self.pool, idempotency).await? {
            Some(record) if record.request_hash == idempotency.request_hash => {
                self.await_standby(record.synchronous).await?;
                Ok(Some(record.answer()))
            }
            Some(_) => Err(ExecuteError::KeyReused),
            None => Ok(None),
        }
    }
}

/// What a decision is made on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Basis {
    /// The stream as the store has it.
    Store,
    /// The stream as it was when this process last saw it.
    Cache,
    /// That the stream has no events.
    Guess,
}

/// What an aggregate decided.
struct Decision<A: Aggregate> {
    state: Arc<A>,
    events: Vec<A::Event>,
    guard: Option<Guard>,
}

impl<A: Aggregate> Decision<A> {
    fn append(&self, id: &str, expected: Sequence, request: &CommandRequest) -> Append {
        let events = self.events.iter().map(|event| NewEvent {
            event_id: Uuid::now_v7(),
            event_type: event.event_type(),
            event_version: event.event_version(),
            payload: json(event),
        });
        Append {
            aggregate_type: A::TYPE,
            aggregate_id: id.to_owned(),
            expected,
            events: events.collect(),
            metadata: json(&request.metadata),
            guard: self.guard.clone(),
            idempotency: request.idempotency.clone(),
        }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("events and metadata are structs of strings, numbers and lists")
}
