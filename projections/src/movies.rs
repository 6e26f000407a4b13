//! The movies projection: every announced movie, searched by words, filtered and sorted.

mod answer;
mod facts;
mod list;
mod premieres;
mod premieres_in;
mod queries;
mod routes;
mod row;
mod table;

pub(crate) use facts::{MovieRating, ratings};

use async_trait::async_trait;
use domain::Envelope;
use event_bus::Binding;
use sqlx::PgConnection;
use utoipa_axum::router::OpenApiRouter;

use self::row::MovieRow;
use crate::row::{pass_over, project};
use crate::{ApplyError, BulkLoad, Generation, Projection, Reads, Recorded, StreamTable, bulk};

const BINDINGS: [Binding; 1] = [Binding {
    exchange: "movie",
    pattern: "movie.#",
}];

const STREAM_TABLES: [StreamTable; 1] = [StreamTable {
    table: "movies",
    aggregate_type: "movie",
}];

/// Answers `GET /movies`, `GET /movies/premieres` and `GET /movies/{id}` from the streams of movies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Movies;

#[async_trait]
impl Projection for Movies {
    fn name(&self) -> &'static str {
        "movies"
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
        include_str!("movies/schema.sql")
    }

    fn indexes(&self) -> &'static str {
        include_str!("movies/indexes.sql")
    }

    async fn apply(
        &self,
        tx: &mut PgConnection,
        generation: &Generation,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        project::<MovieRow>(tx, generation, &events.iter().collect::<Vec<_>>()).await
    }

    fn bulk_load(&self) -> Option<BulkLoad> {
        Some(BulkLoad::of(vec![bulk::table::<MovieRow>("movie")]))
    }

    async fn discard(
        &self,
        tx: &mut PgConnection,
        generation: &Generation,
        event: &Envelope,
    ) -> Result<(), ApplyError> {
        pass_over::<MovieRow>(tx, generation, event).await
    }

    fn router(&self, reads: Reads) -> OpenApiRouter {
        routes::router(reads)
    }
}
