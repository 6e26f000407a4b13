//! The users projection: who is registered, by name and by role.

mod queries;
mod routes;
mod row;
mod table;

use async_trait::async_trait;
use domain::Envelope;
use event_bus::Binding;
use sqlx::PgConnection;
use utoipa_axum::router::OpenApiRouter;

use self::row::UserRow;
use crate::row::{pass_over, project};
use crate::{ApplyError, BulkLoad, Generation, Projection, Reads, Recorded, StreamTable, bulk};

const BINDINGS: [Binding; 1] = [Binding {
    exchange: "user",
    pattern: "user.#",
}];

const STREAM_TABLES: [StreamTable; 1] = [StreamTable {
    table: "users",
    aggregate_type: "user",
}];

/// Answers `GET /users` and `GET /users/{id}` from the streams of users.
#[derive(Clone, Copy, Debug, Default)]
pub struct Users;

#[async_trait]
impl Projection for Users {
    fn name(&self) -> &'static str {
        "users"
    }

    fn version(&self) -> i32 {
        2
    }

    fn bindings(&self) -> &'static [Binding] {
        &BINDINGS
    }

    fn stream_tables(&self) -> &'static [StreamTable] {
        &STREAM_TABLES
    }

    fn binding_version(&self) -> i32 {
        1
    }

    fn schema(&self) -> &'static str {
        include_str!("users/schema.sql")
    }

    fn indexes(&self) -> &'static str {
        include_str!("users/indexes.sql")
    }

    async fn apply(
        &self,
        tx: &mut PgConnection,
        generation: &Generation,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        project::<UserRow>(tx, generation, &events.iter().collect::<Vec<_>>()).await
    }

    fn bulk_load(&self) -> Option<BulkLoad> {
        Some(BulkLoad::of(vec![bulk::table::<UserRow>("user")]))
    }

    async fn discard(
        &self,
        tx: &mut PgConnection,
        generation: &Generation,
        event: &Envelope,
    ) -> Result<(), ApplyError> {
        pass_over::<UserRow>(tx, generation, event).await
    }

    fn router(&self, reads: Reads) -> OpenApiRouter {
        routes::router(reads)
    }
}
