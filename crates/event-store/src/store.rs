//! The event store as the command side uses it.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::{Position, Sequence};
use futures::FutureExt;
use session::ask;
use sqlx::PgPool;
use uuid::Uuid;

use crate::append::{Append, AppendOutcome};
use crate::cache::AggregateCache;
use crate::connect::Connect;
use crate::error::StoreError;
use crate::load::{Loaded, load_stream};
use crate::novelty::Novelty;
use crate::standby::Standby;
use crate::turns::Turns;
use crate::writer::{Answer, Writer, WriterConfig, WriterQueue};

/// Bounds of the command side of the event store.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The group-commit writer's.
    pub writer: WriterConfig,
    /// Aggregates kept in memory.
    pub cache_aggregates_max: usize,
    /// How often a command is decided on the store's state before it is a conflict.
    pub attempts_max: u32,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            writer: WriterConfig::default(),
            cache_aggregates_max: 10_000,
            attempts_max: 10,
        }
    }
}

const LAST_EVENT: &str = "SELECT sequence, position, current_setting('synchronous_standby_names') <> ''
    FROM events WHERE aggregate_type = $1 AND aggregate_id = $2 ORDER BY sequence DESC LIMIT 1";

/// The last event of a stream; zeros without events.
#[derive(Debug, Default)]
pub(crate) struct StreamHead {
    pub(crate) sequence: Sequence,
    pub(crate) position: Position,
    /// Whether commits wait for a standby.
    pub(crate) synchronous: bool,
}

/// Loads aggregates, decides commands and appends their events. Cheap to clone; all clones share a writer and a cache.
#[derive(Clone, Debug)]
pub struct EventStore {
    pub(crate) pool: PgPool,
    queue: WriterQueue,
    cache: AggregateCache,
    log_id: Arc<RwLock<Option<Uuid>>>,
    pub(crate) attempts_max: u32,
    pub(crate) turns: Turns,
    pub(crate) novelty: Novelty,
    standby: Standby,
    standby_timeout: Duration,
    /// Of the idempotency keys recorded before, none is left.
    pub(crate) keys_forgotten_before: Arc<Mutex<Option<DateTime<Utc>>>>,
}

impl EventStore {
    /// Makes the store, and the writer whose [`Writer::run`] must be running for anything to be appended.
    ///
    /// `pool` serves loading and look-ups; the writer makes connections of its own by `connect`. Nothing is connected yet.
    pub fn new(pool: PgPool, connect: Connect, config: StoreConfig) -> (Self, Writer) {
        let turns = Turns::new(config.writer.append_timeout);
        let standby = Standby::new(connect.clone(), config.writer.attempt_timeout);
        let standby_timeout = config.writer.append_timeout;
        let cache = AggregateCache::new(config.cache_aggregates_max);
        let (queue, writer) = Writer::new(connect, standby.clone(), cache.clone(), config.writer);
        let store = Self {
            pool,
            queue,
            cache,
            log_id: Arc::default(),
            attempts_max: config.attempts_max.max(1),
            turns,
            novelty: Novelty::default(),
            standby,
            standby_timeout,
            keys_forgotten_before: Arc::default(),
        };
        (store, writer)
    }

    /// Loads an aggregate as it is now: a cached one is confirmed against the store.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn load<A: Aggregate + 'static>(&self, id: &str) -> Result<Loaded<A>, StoreError> {
        if let Some(cached) = self.cached::<A>(id)
            && self.confirm::<A>(id, cached.sequence).await?
        {
            return Ok(cached);
        }
        self.load_and_cache(id).await
    }

    /// Identity of the log, as the store last said.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the store has not said it yet and cannot be asked.
    pub async fn log_id(&self) -> Result<Uuid, StoreError> {
        match self.known_log_id() {
            Some(log_id) => Ok(log_id),
            None => self.ask_log_id().await,
        }
    }

    /// Identity of the log, as the store says now.
    pub(crate) async fn ask_log_id(&self) -> Result<Uuid, StoreError> {
        let log_id = ask(&self.pool, |connection| {
            sqlx::query_scalar("SELECT log_id FROM log")
                .fetch_one(connection)
                .boxed()
        });
        let log_id = log_id.await.map_err(unavailable)?;
        self.learn_log_id(log_id);
        Ok(log_id)
    }

    /// Whether the stream still ends at `sequence`: one index probe.
    pub(crate) async fn confirm<A: Aggregate>(&self, id: &str, sequence: Sequence) -> Result<bool, StoreError> {
        Ok(self.stream_head(A::TYPE, id).await?.sequence == sequence)
    }

    /// Makes sure that what was read is on the standby, where commits wait for one, before an answer rests on it.
    ///
    /// # Errors
    /// [`StoreError::OutcomeUnknown`] when that is not so in time.
    pub(crate) async fn await_standby(&self, synchronous: bool) -> Result<(), StoreError> {
        if synchronous && !self.standby.has_all(self.standby_timeout).await {
            return Err(StoreError::OutcomeUnknown);
        }
        Ok(())
    }

    /// Where a stream ends.
    pub(crate) async fn stream_head(&self, kind: &str, id: &str) -> Result<StreamHead, StoreError> {
        let last_event = || sqlx::query_as(LAST_EVENT).bind(kind.to_owned()).bind(id.to_owned());
        let head: Option<(i64, i64, bool)> =
            ask(&self.pool, |connection| last_event().fetch_optional(connection).boxed())
                .await
                .map_err(unavailable)?;
        Ok(
            head.map_or_else(StreamHead::default, |(sequence, position, synchronous)| StreamHead {
                sequence: Sequence(sequence),
                position: Position(position),
                synchronous,
            }),
        )
    }

    pub(crate) fn cached<A: Aggregate + 'static>(&self, id: &str) -> Option<Loaded<A>> {
        self.cache.get(self.known_log_id()?, A::TYPE, id)
    }

    pub(crate) async fn load_and_cache<A: Aggregate + 'static>(&self, id: &str) -> Result<Loaded<A>, StoreError> {
        // Asked before the stream is read: an entry must never carry the name of a younger log than its events.
        let log_id = self.log_id().await?;
        let loaded = load_stream::<A>(&self.pool, id).await?;
        self.cache.put(log_id, A::TYPE, id, loaded.clone());
        Ok(loaded)
    }

    pub(crate) fn forget<A: Aggregate>(&self, id: &str) {
        if let Some(log_id) = self.known_log_id() {
            self.cache.forget(log_id, A::TYPE, id);
        }
    }

    /// Appends, and keeps the aggregate it leads to; gives the log that answered.
    pub(crate) async fn append<A: Aggregate + 'static>(
        &self,
        append: Append,
        state: &Arc<A>,
    ) -> Result<(Uuid, AppendOutcome), StoreError> {
        let id = append.aggregate_id.clone();
        let answer: Answer = self.queue.append(append).await;
        if let Ok((log_id, outcome)) = &answer {
            self.learn_log_id(*log_id);
            if let AppendOutcome::Appended { sequence, .. } = outcome {
                self.cache.put(
                    *log_id,
                    A::TYPE,
                    &id,
                    Loaded {
                        state: state.clone(),
                        sequence: *sequence,
                    },
                );
                return answer;
            }
        }
        self.forget::<A>(&id);
        answer
    }

    fn known_log_id(&self) -> Option<Uuid> {
        *self.log_id.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn_log_id(&self, log_id: Uuid) {
        if self.known_log_id() != Some(log_id) {
            *self.log_id.write().unwrap_or_else(PoisonError::into_inner) = Some(log_id);
        }
    }
}

pub(crate) fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(Some(error))
}
