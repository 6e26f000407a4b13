//! The routes by which operators see parked streams, retry them and discard events.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::InvalidValue;
use serde::{Deserialize, Serialize};
use service::{JsonBody, Path, Problem, Query};
use session::living;
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::retry::{self, Outcome, RetryError, Wanted};
use super::stream::{self, LaterEvent, Listed};
use crate::actions::PageParameters;
use crate::operated::{AllOperated, Operated};
use crate::operator::Operator;
use crate::parameters::path_id;
use crate::reason::{self, OptionalBody, Why};
use crate::refusal::unreadable;
use crate::{Cursor, Page, control};

/// How long a retry may take altogether; less than clients wait.
const RETRY_TIMEOUT: Duration = Duration::from_secs(25);
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Gives the routes of parked streams.
pub(crate) fn router(operated: AllOperated) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(retry_stream))
        .routes(routes!(discard))
        .with_state(operated)
}

/// A parked stream with the events behind its first one.
#[derive(Serialize, ToSchema)]
struct ParkedStreamDetails {
    #[serde(flatten)]
    first: Listed,
    /// What waits behind it, in order; at most 1000.
    later: Vec<LaterEvent>,
}

/// What became of a stream's parked events.
#[derive(Serialize, ToSchema)]
struct RetryOutcome {
    /// Events that are applied now.
    applied: i64,
    /// Events that were passed over.
    discarded: i64,
    /// Events of the stream that are still parked.
    still_parked: i64,
    /// Why the first of them could not be applied: `malformed`, `rule` or `data`; null when none is left, or when time was
    /// up before it was tried.
    #[schema(required = true)]
    reason: Option<&'static str>,
    /// More of that.
    #[schema(required = true)]
    detail: Option<String>,
}

/// Why an event is passed over, and whether those behind it are too.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Discard {
    #[schema(schema_with = reason::document)]
    reason: String,
    /// Whether the later parked events of the stream are passed over too.
    #[serde(default)]
    all: bool,
}

impl From<Outcome> for RetryOutcome {
    fn from(outcome: Outcome) -> Self {
        let (reason, detail) = outcome.reason.unzip();
        Self {
            applied: outcome.applied,
            discarded: outcome.discarded,
            still_parked: outcome.still_parked,
            reason,
            detail,
        }
    }
}

/// List parked streams
#[utoipa::path(get, path = "/projections/{name}/parked", operation_id = "list_parked_streams", tag = "projections",
    params(("name" = String, Path, description = "Its name", example = "catalog"), PageParameters),
    responses(
        (status = OK, description = "The first parked event of each stream, by position", body = Page<Listed>),
        (status = NOT_FOUND, description = "`PROJECTION_NOT_FOUND`",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn list(
    State(all): State<AllOperated>,
    Path(name): Path<String>,
    Query(given): Query<PageParameters>,
) -> Result<Json<Page<Listed>>, Problem> {
    let operated = all.find(&name)?;
    let list = ("parked", &name);
    let (limit, after) = given.checked(&list)?;
    let mut connection = living(&operated.pool).await.map_err(unreadable)?;
    let row = control::load(&mut connection, operated.projection.name())
        .await
        .map_err(unreadable)?;
    let rows = match row {
        Some(row) => stream::list(&mut connection, &row.generation, after.unwrap_or_default(), limit)
            .await
            .map_err(unreadable)?,
        None => Vec::new(),
    };
    let page = Page::cut(rows, limit, |row| Cursor::encode(&row.position, &list), |row| row);
    Ok(Json(page))
}

/// Show a parked stream
#[utoipa::path(get, path = "/projections/{name}/parked/{position}", operation_id = "show_parked_stream",
    tag = "projections",
    params(("name" = String, Path, description = "Its name", example = "catalog"),
        ("position" = i64, Path, description = "Of the stream's first parked event", minimum = 1)),
    responses(
        (status = OK, description = "Why it is parked, and what waits behind it", body = ParkedStreamDetails),
        (status = NOT_FOUND, description = "`PROJECTION_NOT_FOUND`, `NOT_PARKED`",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn show(
    State(all): State<AllOperated>,
    Path((name, position)): Path<(String, String)>,
) -> Result<Json<ParkedStreamDetails>, Problem> {
    let operated = all.find(&name)?;
    let position = parse_position(&position)?;
    let details = details(operated, position).await.map_err(unreadable)?;
    details.map(Json).ok_or_else(|| refusal(RetryError::NotParked))
}

async fn details(operated: &Operated, position: i64) -> Result<Option<ParkedStreamDetails>, sqlx::Error> {
    let mut connection = living(&operated.pool).await?;
    let Some(row) = control::load(&mut connection, operated.projection.name()).await? else {
        return Ok(None);
    };
    let Some(first) = stream::find(&mut connection, &row.generation, position).await? else {
        return Ok(None);
    };
    let later = stream::later(&mut connection, &row.generation, &first).await?;
    Ok(Some(ParkedStreamDetails { first, later }))
}

/// Retry a parked stream
///
/// Applies its parked events in order, up to the first that fails again. The consumer goes on meanwhile.
#[utoipa::path(post, path = "/projections/{name}/parked/{position}/retry", operation_id = "retry_parked_stream",
    tag = "projections",
    params(("name" = String, Path, description = "Its name", example = "catalog"),
        ("position" = i64, Path, description = "Of the stream's first parked event", minimum = 1), Operator),
    request_body(content = Option<Why>, description = "Why, if you like"),
    responses(
        (status = OK, description = "What became of them", body = RetryOutcome),
        (status = NOT_FOUND, description = "`PROJECTION_NOT_FOUND`, `NOT_PARKED`",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem")),
        (status = CONFLICT, description = "`NOT_FIRST`, `LOG_DIVERGED`, `VERSION_MISMATCH`, `EVENT_UNKNOWN`: nothing \
            was changed",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn retry_stream(
    State(all): State<AllOperated>,
    Path((name, position)): Path<(String, String)>,
    operator: Operator,
    OptionalBody(why): OptionalBody<Why>,
) -> Result<Json<RetryOutcome>, Problem> {
    let (operated, position) = (all.find(&name)?, parse_position(&position)?);
    let wanted = Wanted::Retry { reason: why.checked()? };
    act(operated, &operator, position, &wanted).await
}

/// Discard a parked event
///
/// Passes over the stream's first parked event for good, in later rebuilds too, and applies those behind it in order.
#[utoipa::path(post, path = "/projections/{name}/parked/{position}/discard", operation_id = "discard_parked_event",
    tag = "projections", request_body = Discard,
    params(("name" = String, Path, description = "Its name", example = "catalog"),
        ("position" = i64, Path, description = "Of the stream's first parked event", minimum = 1), Operator),
    responses(
        (status = OK, description = "What became of them", body = RetryOutcome),
        (status = NOT_FOUND, description = "`PROJECTION_NOT_FOUND`, `NOT_PARKED`",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem")),
        (status = CONFLICT, description = "`NOT_FIRST`, `LOG_DIVERGED`, `VERSION_MISMATCH`, `EVENT_UNKNOWN`: nothing \
            was changed",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn discard(
    State(all): State<AllOperated>,
    Path((name, position)): Path<(String, String)>,
    operator: Operator,
    JsonBody(body): JsonBody<Discard>,
) -> Result<Json<RetryOutcome>, Problem> {
    let operated = all.find(&name)?;
    let position = parse_position(&position)?;
    let wanted = Wanted::Discard {
        reason: reason::parse(&body.reason).map_err(|error| Problem::validation(vec![error]))?,
        all: body.all,
    };
    act(operated, &operator, position, &wanted).await
}

async fn act(
    operated: &Operated,
    operator: &Operator,
    position: i64,
    wanted: &Wanted,
) -> Result<Json<RetryOutcome>, Problem> {
    match timeout(RETRY_TIMEOUT, retry::run(operated, operator, position, wanted)).await {
        Ok(Ok(outcome)) => Ok(Json(outcome.into())),
        Ok(Err(error)) => Err(refusal(error)),
        Err(_elapsed) => Err(unavailable(
            "READ_MODEL_UNAVAILABLE",
            "the databases took too long to answer",
        )),
    }
}

fn parse_position(text: &str) -> Result<i64, Problem> {
    path_id("position", text, |text| {
        text.parse()
            .ok()
            .filter(|position| *position > 0)
            .ok_or_else(|| InvalidValue {
                code: "OUT_OF_RANGE",
                detail: "must be a position of the log: a whole number from 1".into(),
            })
    })
}

fn refusal(error: RetryError) -> Problem {
    let conflict = |code| Problem::new(StatusCode::CONFLICT, code, error.to_string());
    match &error {
        RetryError::NotParked => Problem::new(StatusCode::NOT_FOUND, "NOT_PARKED", error.to_string()),
        RetryError::NotFirst { .. } => conflict("NOT_FIRST"),
        RetryError::VersionMismatch { .. } => conflict("VERSION_MISMATCH"),
        RetryError::LogDiverged => conflict("LOG_DIVERGED"),
        RetryError::Unknown { .. } => conflict("EVENT_UNKNOWN"),
        RetryError::Busy => unavailable("READ_MODEL_BUSY", "the stream was moved by others each time; ask again"),
        RetryError::Log(_) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "parked events could not be read"
            );
            unavailable("EVENT_STORE_UNAVAILABLE", "the event store does not answer")
        }
        RetryError::Database(_) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "parked events could not be tried"
            );
            unavailable("READ_MODEL_UNAVAILABLE", "the read model's database does not answer")
        }
    }
}

fn unavailable(code: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(RETRY_AFTER)
}
