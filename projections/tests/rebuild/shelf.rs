//! A read model made for these tests: a row per movie, and in its second version a column that old events are needed for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use axum::extract::{Path, State};
use domain::{Event, MovieEvent};
use event_bus::Binding;
use projections::{Answer, ApplyError, Generation, Projection, ReadWanted, Reads, Recorded, StreamTable};
use service::Problem;
use sqlx::PgConnection;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A version of an event that no code knows.
pub(crate) const FUTURE_VERSION: &str = "99";

const SCHEMA_1: &str = "
CREATE TABLE movies (
    id text COLLATE \"C\" PRIMARY KEY,
    premiere text NOT NULL,
    sequence bigint NOT NULL
)";
const SCHEMA_2: &str = "
CREATE TABLE movies (
    id text COLLATE \"C\" PRIMARY KEY,
    premiere text NOT NULL,
    premieres text[] NOT NULL,
    sequence bigint NOT NULL
)";

/// Knows the date of each movie's premiere; version 2 knows all dates there were. Streams whose id begins with `rule-` fail
/// at their second event; those that begin with `lost-` are forgotten by a rebuild.
#[derive(Clone)]
pub(crate) struct Shelf {
    version: i32,
    indexes_hang: Arc<AtomicBool>,
}

impl Shelf {
    /// The code of a version.
    pub(crate) fn of_version(version: i32) -> Self {
        Self {
            version,
            indexes_hang: Arc::default(),
        }
    }

    /// Makes the indexes take for ever.
    pub(crate) fn hang_at_indexes(&self, hang: bool) {
        self.indexes_hang.store(hang, Ordering::SeqCst);
    }
}

#[async_trait]
impl Projection for Shelf {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn version(&self) -> i32 {
        self.version
    }

    fn bindings(&self) -> &'static [Binding] {
        &[Binding {
            exchange: "movie",
            pattern: "movie.#",
        }]
    }

    fn binding_version(&self) -> i32 {
        1
    }

    fn schema(&self) -> &'static str {
        if self.version == 1 { SCHEMA_1 } else { SCHEMA_2 }
    }

    fn indexes(&self) -> &'static str {
        if self.indexes_hang.load(Ordering::SeqCst) {
            "SELECT pg_sleep(600)"
        } else {
            "CREATE INDEX movies_by_premiere ON movies (premiere)"
        }
    }

    fn stream_tables(&self) -> &'static [StreamTable] {
        &[StreamTable {
            table: "movies",
            aggregate_type: "movie",
        }]
    }

    async fn apply(
        &self,
        tx: &mut PgConnection,
        generation: &Generation,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        let (column, value, append) = match self.version {
            1 => ("", "", ""),
            _ => (", premieres", ", ARRAY[$2]", ", premieres = m.premieres || $2"),
        };
        let statement = format!(
            "INSERT INTO {generation}.movies AS m (id, premiere, sequence{column}) VALUES ($1, $2, $3{value}) \
             ON CONFLICT (id) DO UPDATE SET premiere = excluded.premiere, sequence = excluded.sequence{append} \
             WHERE m.sequence = excluded.sequence - 1"
        );
        for Recorded { envelope, event } in events {
            let refused = |reason: &str| ApplyError::Rule {
                position: envelope.position,
                reason: reason.to_owned(),
            };
            if envelope.aggregate_id.starts_with("lost-") && generation.number > 1 {
                continue;
            }
            if envelope.aggregate_id.starts_with("rule-") && envelope.sequence.0 == 2 {
                return Err(refused("there is no second event"));
            }
            let Event::Movie(MovieEvent::PremiereRescheduled(premiere)) = event else {
                return Err(refused("only premieres are on the shelf"));
            };
            let stored = sqlx::query(&statement)
                .bind(&envelope.aggregate_id)
                .bind(premiere.premiere_date.map(|date| date.to_string()))
                .bind(envelope.sequence.0)
                .execute(&mut *tx)
                .await?;
            if stored.rows_affected() != 1 {
                return Err(refused(
                    "an event is missing in between, or this one was applied before",
                ));
            }
        }
        Ok(())
    }

    async fn discard(
        &self,
        tx: &mut PgConnection,
        generation: &Generation,
        event: &domain::Envelope,
    ) -> Result<(), ApplyError> {
        let statement = format!("UPDATE {generation}.movies SET sequence = $2 WHERE id = $1 AND sequence = $2 - 1");
        sqlx::query(&statement)
            .bind(&event.aggregate_id)
            .bind(event.sequence.0)
            .execute(tx)
            .await?;
        Ok(())
    }

    fn router(&self, reads: Reads) -> OpenApiRouter {
        OpenApiRouter::new().routes(routes!(sequences)).with_state(reads)
    }
}

/// How many events each movie has come to, and how many premieres are known of it: of a generation of version 1 none.
#[utoipa::path(get, path = "/shelf/{prefix}", responses((status = OK)))]
async fn sequences(
    State(reads): State<Reads>,
    Path(prefix): Path<String>,
    wanted: ReadWanted,
) -> Result<Answer<Vec<(String, i64, i32)>>, Problem> {
    let mut read = reads.begin(&wanted, &[]).await?;
    let premieres = if read.version == 1 {
        "0"
    } else {
        "cardinality(premieres)"
    };
    let select = format!(
        "SELECT id, sequence, {premieres} FROM {}.movies WHERE starts_with(id, $1) ORDER BY id",
        read.generation
    );
    let rows = sqlx::query_as(&select)
        .bind(&prefix)
        .fetch_all(&mut *read.connection)
        .await;
    Ok(Answer::new(
        &wanted,
        read.position,
        rows.map_err(|_| Problem::internal())?,
    ))
}
