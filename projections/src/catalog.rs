//! The catalog projection: what the cinemas of a city show, and which of it is new.

mod answers;
mod cinema_row;
mod movie_row;
mod premieres;
mod queries;
mod routes;
mod tables;

use async_trait::async_trait;
use domain::{Envelope, Event};
use event_bus::Binding;
use sqlx::PgConnection;
use utoipa_axum::router::OpenApiRouter;

use self::cinema_row::CinemaRow;
use self::movie_row::MovieRow;
use crate::row::{pass_over, project};
use crate::{ApplyError, BulkLoad, Generation, Projection, Reads, Recorded, StreamTable, bulk};

const BINDINGS: [Binding; 2] = [
    Binding {
        exchange: "cinema",
        pattern: "cinema.#",
    },
    Binding {
        exchange: "movie",
        pattern: "movie.#",
    },
];

const STREAM_TABLES: [StreamTable; 2] = [
    StreamTable {
        table: "cinemas",
        aggregate_type: "cinema",
    },
    StreamTable {
        table: "movies",
        aggregate_type: "movie",
    },
];

/// Answers `GET /catalog/{city_id}`, `GET /cinemas/{id}` and `GET /cities` from the streams of cinemas and movies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Catalog;

#[async_trait]
impl Projection for Catalog {
    fn name(&self) -> &'static str {
        "catalog"
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
        include_str!("catalog/schema.sql")
    }

    fn indexes(&self) -> &'static str {
        include_str!("catalog/indexes.sql")
    }

    /// Cinemas and movies are applied apart: neither kind of stream reads or writes the other's rows.
    async fn apply(
        &self,
        tx: &mut PgConnection,
        generation: &Generation,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        let (movies, cinemas): (Vec<_>, Vec<_>) = events
            .iter()
            .partition(|recorded| matches!(recorded.event, Event::Movie(_)));
        project::<MovieRow>(tx, generation, &movies).await?;
        project::<CinemaRow>(tx, generation, &cinemas).await
    }

    fn bulk_load(&self) -> Option<BulkLoad> {
        Some(BulkLoad::of(vec![
            bulk::table::<MovieRow>("movie"),
            bulk::table::<CinemaRow>("cinema"),
        ]))
    }

    async fn discard(
        &self,
        tx: &mut PgConnection,
        generation: &Generation,
        event: &Envelope,
    ) -> Result<(), ApplyError> {
        match event.aggregate_type.as_str() {
            "movie" => pass_over::<MovieRow>(tx, generation, event).await,
            _ => pass_over::<CinemaRow>(tx, generation, event).await,
        }
    }

    fn router(&self, reads: Reads) -> OpenApiRouter {
        routes::router(reads)
    }
}
