//! A read model made for the tests: it records what was applied and in which order, and can be told to fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use axum::extract::{Path, State};
use domain::{DecodeError, Envelope, Event};
use event_bus::Binding;
use projections::{Answer, ApplyError, Generation, Projection, ReadWanted, Reads, Recorded};
use service::Problem;
use sqlx::PgConnection;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A version that no code knows until [`Recorder::learn`].
pub(crate) const FUTURE_VERSION: &str = "99";

/// Records positions. Streams whose id begins with `rule-`, `data-`, `check-` or `deferred-` fail at their second
/// event, each in its own way.
#[derive(Clone, Default)]
pub(crate) struct Recorder {
    version: i32,
    knows_future: Arc<AtomicBool>,
    forgives: Arc<AtomicBool>,
    stuck: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
}

impl Recorder {
    /// A recorder whose code has another version.
    pub(crate) fn of_version(version: i32) -> Self {
        Self {
            version,
            ..Self::default()
        }
    }

    /// From now on events of the future version can be decoded.
    pub(crate) fn learn(&self) {
        self.knows_future.store(true, Ordering::SeqCst);
    }

    /// From now on the streams `rule-` and `data-` do not fail, or fail again.
    pub(crate) fn forgive(&self, forgives: bool) {
        self.forgives.store(forgives, Ordering::SeqCst);
    }

    /// Makes the next attempt hang for ever.
    pub(crate) fn hang_once(&self) {
        self.hangs.store(true, Ordering::SeqCst);
    }

    /// Makes every attempt fail for a reason that may pass, until told otherwise.
    pub(crate) fn stick(&self, stuck: bool) {
        self.stuck.store(stuck, Ordering::SeqCst);
    }
}

#[async_trait]
impl Projection for Recorder {
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
        "CREATE TABLE applied (
            nr bigint GENERATED ALWAYS AS IDENTITY,
            stream text NOT NULL,
            position bigint NOT NULL,
            sequence bigint NOT NULL,
            CONSTRAINT no_second_event CHECK (NOT (stream LIKE 'check-%' AND sequence = 2)),
            once text,
            CONSTRAINT only_once UNIQUE (once) DEFERRABLE INITIALLY DEFERRED
         )"
    }

    fn decode(&self, envelope: &Envelope) -> Result<Event, DecodeError> {
        if envelope.event_version == FUTURE_VERSION && self.knows_future.load(Ordering::SeqCst) {
            return Envelope {
                event_version: "1".into(),
                ..envelope.clone()
            }
            .decode();
        }
        envelope.decode()
    }

    async fn apply(
        &self,
        tx: &mut PgConnection,
        generation: &Generation,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        if self.hangs.swap(false, Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.stuck.load(Ordering::SeqCst) {
            sqlx::query("SELECT * FROM a_table_that_is_missing")
                .execute(&mut *tx)
                .await?;
        }
        let forgives = self.forgives.load(Ordering::SeqCst);
        let second = |event: &&Recorded| event.envelope.sequence.0 == 2 && !forgives;
        for Recorded { envelope, .. } in events.iter().filter(second) {
            if envelope.aggregate_id.starts_with("rule-") {
                let reason = "there is no second event".into();
                return Err(ApplyError::Rule {
                    position: envelope.position,
                    reason,
                });
            }
            if envelope.aggregate_id.starts_with("data-") {
                sqlx::query("SELECT 1 / 0").execute(&mut *tx).await?;
            }
        }
        let insert = format!(
            "INSERT INTO {generation}.applied (stream, position, sequence, once) \
             SELECT stream, position, sequence, CASE WHEN stream LIKE 'deferred-%' THEN stream END \
             FROM UNNEST($1::text[], $2::bigint[], $3::bigint[]) AS event (stream, position, sequence)"
        );
        sqlx::query(&insert)
            .bind(
                events
                    .iter()
                    .map(|event| event.envelope.aggregate_id.as_str())
                    .collect::<Vec<_>>(),
            )
            .bind(events.iter().map(|event| event.envelope.position.0).collect::<Vec<_>>())
            .bind(events.iter().map(|event| event.envelope.sequence.0).collect::<Vec<_>>())
            .execute(&mut *tx)
            .await?;
        Ok(())
    }

    fn router(&self, reads: Reads) -> OpenApiRouter {
        OpenApiRouter::new().routes(routes!(stream)).with_state(reads)
    }
}

/// The positions of a stream.
#[utoipa::path(get, path = "/streams/{id}", responses((status = OK)))]
async fn stream(
    State(reads): State<Reads>,
    Path(id): Path<String>,
    wanted: ReadWanted,
) -> Result<Answer<Vec<i64>>, Problem> {
    let mut read = reads.begin(&wanted, &[("movie", &id)]).await?;
    let select = format!(
        "SELECT position FROM {}.applied WHERE stream = $1 ORDER BY nr",
        read.generation
    );
    let positions = sqlx::query_scalar(&select)
        .bind(&id)
        .fetch_all(&mut *read.connection)
        .await;
    let positions = positions.map_err(|_| Problem::internal())?;
    Ok(Answer::new(&wanted, read.position, positions))
}
