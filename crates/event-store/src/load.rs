//! Loads an aggregate by its stream, through postgres-es and the upcasters of cqrs-es.

use std::sync::Arc;

use cqrs_es::persist::{EventUpcaster, PersistedEventStore, SerializedEvent};
use cqrs_es::{Aggregate, AggregateError, EventStore as _};
use domain::Sequence;
use postgres_es::PostgresEventRepository;
use serde_json::json;
use session::{ANSWER_TIMEOUT, is_lost};
use sqlx::PgPool;
use tokio::time::timeout;

use crate::error::StoreError;

/// An aggregate at a place in its stream.
#[derive(Debug)]
pub struct Loaded<A> {
    /// The aggregate; its default when the stream has no events.
    pub state: Arc<A>,
    /// Where the stream ends; 0 without events.
    pub sequence: Sequence,
}

impl<A: Default> Loaded<A> {
    pub(crate) fn without_events() -> Self {
        Self {
            state: Arc::default(),
            sequence: Sequence(0),
        }
    }
}

impl<A> Clone for Loaded<A> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            sequence: self.sequence,
        }
    }
}

/// Folds the whole stream. The stock snapshot and aggregate stores apply events twice and are not used.
pub(crate) async fn load_stream<A: Aggregate>(pool: &PgPool, id: &str) -> Result<Loaded<A>, StoreError> {
    let mut upcasters = domain::upcasters();
    upcasters.push(Box::new(RefuseUnknown));
    let repository = PostgresEventRepository::new(pool.clone());
    let store = PersistedEventStore::<_, A>::new_event_store(repository).with_upcasters(upcasters);
    let mut dead_left = pool.options().get_max_connections();
    let events = loop {
        let loading = timeout(ANSWER_TIMEOUT, store.load_events(id));
        let loaded = loading.await.map_err(|_elapsed| StoreError::Unavailable(None))?;
        match loaded.map_err(|error| store_error::<A>(id, error)) {
            // The library takes a connection of the pool by itself, and may be given one dead one after the other.
            Err(StoreError::Unavailable(Some(error))) if is_lost(&error) && dead_left > 0 => dead_left -= 1,
            loaded => break loaded?,
        }
    };
    let mut state = A::default();
    let mut sequence = Sequence(0);
    for event in events {
        sequence = Sequence(event.sequence as i64);
        state.apply(event.payload);
    }
    Ok(Loaded {
        state: Arc::new(state),
        sequence,
    })
}

fn store_error<A: Aggregate>(id: &str, error: AggregateError<A::Error>) -> StoreError {
    match error {
        // The decoder's own words could repeat personal data.
        AggregateError::DeserializationError(_) => StoreError::Unreadable {
            aggregate_type: A::TYPE,
            aggregate_id: id.to_owned(),
        },
        AggregateError::DatabaseConnectionError(source) | AggregateError::UnexpectedError(source) => {
            StoreError::Unavailable(source.downcast::<sqlx::Error>().ok().map(|error| *error))
        }
        AggregateError::UserError(_) | AggregateError::AggregateConflict => StoreError::Unavailable(None),
    }
}

/// Makes an event of a version this code does not know undecodable: it could have the shape of a known version and
/// another meaning. Last in the chain, where everything known is of the current version.
struct RefuseUnknown;

impl EventUpcaster for RefuseUnknown {
    fn can_upcast(&self, event_type: &str, event_version: &str) -> bool {
        !domain::is_known(event_type, event_version)
    }

    fn upcast(&self, mut event: SerializedEvent) -> SerializedEvent {
        let name = format!("{} version {}", event.event_type, event.event_version);
        event.payload = json!({ "type": name });
        event
    }
}
