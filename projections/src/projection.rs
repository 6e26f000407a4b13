//! What a read model brings: its bindings, its tables, how an event changes them, and its queries.

use async_trait::async_trait;
use domain::{DecodeError, Envelope, Event};
use event_bus::Binding;
use sqlx::PgConnection;
use utoipa_axum::router::OpenApiRouter;

use crate::{ApplyError, BulkLoad, Generation, Reads};

/// A read model that is fed from the log. It can only write its own tables: a replay has no other effect.
#[async_trait]
pub trait Projection: Send + Sync + 'static {
    /// Names the projection: `[a-z]+`, part of its queue's and its schemas' names.
    fn name(&self) -> &'static str;

    /// Numbers the logic and the tables. A process applies nothing to a generation made by another version.
    fn version(&self) -> i32;

    /// Lists what the projection consumes. A change needs a new [`Self::binding_version`].
    fn bindings(&self) -> &'static [Binding];

    /// Numbers the bindings. AMQP never removes one, so a changed set is a new queue, and a rebuild.
    fn binding_version(&self) -> i32;

    /// Gives the SQL that makes a generation's tables, run with the generation's schema first on the search path.
    fn schema(&self) -> &'static str;

    /// Gives the SQL that makes the tables' further indexes, run after a rebuild has loaded them, with the generation's
    /// schema first on the search path.
    fn indexes(&self) -> &'static str {
        ""
    }

    /// Lists the tables that have one row per stream of a kind, so that a rebuild can count them against the log.
    fn stream_tables(&self) -> &'static [StreamTable] {
        &[]
    }

    /// Decodes an event as the domain does; the one way from an envelope to an event.
    ///
    /// # Errors
    /// [`DecodeError::Unknown`] holds the place, [`DecodeError::Malformed`] parks the stream.
    fn decode(&self, envelope: &Envelope) -> Result<Event, DecodeError> {
        envelope.decode()
    }

    /// Applies events, in position order, in the caller's transaction.
    ///
    /// Called with any subset of a closed range that keeps each stream's order, so events of different streams must
    /// commute: an event writes only rows keyed by its own stream, and reads no others.
    ///
    /// # Errors
    /// See [`ApplyError`]; the transaction is rolled back to where it was before the call.
    async fn apply(
        &self,
        tx: &mut PgConnection,
        generation: &Generation,
        events: &[Recorded],
    ) -> Result<(), ApplyError>;

    /// Gives a faster way to load a generation from the beginning of the log, with the same result as [`Self::apply`].
    fn bulk_load(&self) -> Option<BulkLoad> {
        None
    }

    /// Passes over an event that an operator has discarded, in the place it has in its stream: the events behind it
    /// must be applicable as if it had changed nothing.
    ///
    /// # Errors
    /// See [`ApplyError`].
    async fn discard(
        &self,
        _tx: &mut PgConnection,
        _generation: &Generation,
        _event: &Envelope,
    ) -> Result<(), ApplyError> {
        Ok(())
    }

    /// Gives the query routes.
    fn router(&self, reads: Reads) -> OpenApiRouter;
}

/// A table with one row per stream of a kind, gone or not: its key is the column `id`, and `sequence` is the last event's.
/// The projection must be bound to all events of these streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamTable {
    /// Its name in the generation's schema.
    pub table: &'static str,
    /// The kind of stream.
    pub aggregate_type: &'static str,
}

/// An event with its place in the log, decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Identity and place.
    pub envelope: Envelope,
    /// What happened.
    pub event: Event,
}
