//! The routes of rebuilds and rollbacks.

use std::convert::Infallible;
use std::ops::ControlFlow;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{FutureExt, Stream};
use serde::Deserialize;
use service::{FieldError, Path, Problem};
use session::{is_lost, living, transact};
use sqlx::PgConnection;
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::actions::{self, Action};
use crate::operated::{AllOperated, Operated};
use crate::operator::Operator;
use crate::reason::{self, OptionalBody, Why};
use crate::rebuild::events::events;
use crate::rebuild::operation::{Operation, OperationKind, OperationState};
use crate::rebuild::record;
use crate::rebuild::start::{Refusal, Wanted};
use crate::refusal::unreadable;

/// Gives the routes.
pub(crate) fn router(operated: AllOperated) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(rebuild, show, cancel))
        .routes(routes!(follow))
        .routes(routes!(rollback))
        .with_state(operated)
}

/// A server-sent event.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `events` writes")]
struct OperationEvent {
    #[schema(schema_with = event_name)]
    event: String,
    /// The operation, as JSON.
    data: String,
}

fn event_name() -> Object {
    service::one_of("What it tells.", ["progress", "finished"])
}

/// How a rebuild is to be done.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct RebuildRequest {
    /// Builds and verifies, and then drops what was built.
    #[schema(example = false)]
    dry_run: bool,
    /// Events per second at most; null without a bound.
    #[schema(value_type = Option<i64>, example = 5000, minimum = 1, maximum = 4_294_967_295_i64)]
    throttle: Option<u32>,
    #[schema(required = false, schema_with = reason::document_optional)]
    reason: Option<String>,
}

/// Rebuild a projection.
///
/// A new generation is built from the log beside the live one, verified, and switched in. Queries go on. The body may be left
/// out.
#[utoipa::path(post, path = "/projections/{name}/rebuild", operation_id = "rebuild_projection", tag = "projections",
    params(("name" = String, Path, description = "Its name", example = "catalog"),
        Operator),
    request_body(content = Option<RebuildRequest>),
    responses(
        (status = ACCEPTED, description = "It has begun; `Location` tells how it goes", body = Operation,
            headers(("Location" = String, description = "The operation"))),
        (status = NOT_FOUND, description = "`PROJECTION_NOT_FOUND`: no projection of this process has the name",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem")),
        (status = CONFLICT, description = "`REBUILD_RUNNING`: one runs; `Location` is its",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem")),
        (status = SERVICE_UNAVAILABLE, description = "`READ_MODEL_UNAVAILABLE`: its database does not answer",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn rebuild(
    State(operated): State<AllOperated>,
    Path(name): Path<String>,
    Operator(requested_by): Operator,
    OptionalBody(request): OptionalBody<RebuildRequest>,
) -> Result<Accepted, Problem> {
    let one = operated.find(&name)?;
    let mut errors = Vec::new();
    if request.throttle == Some(0) {
        errors.push(FieldError::new("/throttle", "OUT_OF_RANGE", "must be at least 1"));
    }
    let reason = request.reason.as_deref().map(reason::parse).transpose();
    let reason = reason.unwrap_or_else(|error| {
        errors.push(error);
        None
    });
    if !errors.is_empty() {
        return Err(Problem::validation(errors));
    }
    let wanted = Wanted {
        kind: OperationKind::Rebuild,
        dry_run: request.dry_run,
        throttle: request.throttle,
        requested_by,
        reason,
    };
    one.start(wanted).await
}

/// Roll a projection back.
///
/// The generation that was live before the last rebuild is caught up and switched in again. The body may be left out.
#[utoipa::path(post, path = "/projections/{name}/rollback", operation_id = "roll_back_projection", tag = "projections",
    params(("name" = String, Path, description = "Its name", example = "catalog"),
        Operator),
    request_body(content = Option<Why>),
    responses(
        (status = ACCEPTED, description = "It has begun; `Location` tells how it goes", body = Operation,
            headers(("Location" = String, description = "The operation"))),
        (status = NOT_FOUND, description = "`PROJECTION_NOT_FOUND`: no projection of this process has the name",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem")),
        (status = CONFLICT, description = "`REBUILD_RUNNING`: an operation runs; `Location` is its. \
            `NO_RETIRED_GENERATION`: there is nothing to go back to. `VERSION_MISMATCH`: other code made the retired \
            generation; run that and roll back there",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem")),
        (status = SERVICE_UNAVAILABLE, description = "`READ_MODEL_UNAVAILABLE`: its database does not answer",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn rollback(
    State(operated): State<AllOperated>,
    Path(name): Path<String>,
    Operator(requested_by): Operator,
    OptionalBody(why): OptionalBody<Why>,
) -> Result<Accepted, Problem> {
    let one = operated.find(&name)?;
    let wanted = Wanted {
        kind: OperationKind::Rollback,
        dry_run: false,
        throttle: None,
        requested_by,
        reason: why.checked()?,
    };
    one.start(wanted).await
}

/// How the last rebuild or rollback goes, or went.
#[utoipa::path(get, path = "/projections/{name}/rebuild", operation_id = "show_rebuild", tag = "projections",
    params(("name" = String, Path, description = "Its name", example = "catalog")),
    responses(
        (status = OK, description = "The operation that runs, or the last one", body = Operation),
        (status = NOT_FOUND, description = "`NO_REBUILD`: there was none. `PROJECTION_NOT_FOUND`",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem")),
        (status = SERVICE_UNAVAILABLE, description = "`READ_MODEL_UNAVAILABLE`: its database does not answer",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn show(State(operated): State<AllOperated>, Path(name): Path<String>) -> Result<Json<Operation>, Problem> {
    operated.find(&name)?.operation().await.map(Json)
}

/// How a rebuild or a rollback goes on, as server-sent events.
///
/// `progress` with the operation as its data, at once and then at every change, about twice a second; `finished` when it has ended, and
/// then the stream ends.
#[utoipa::path(get, path = "/projections/{name}/rebuild/events", operation_id = "follow_rebuild", tag = "projections",
    params(("name" = String, Path, description = "Its name", example = "catalog")),
    responses(
        (status = OK, description = "The operation that runs, or the last one, at every change",
            content_type = "text/event-stream", body = OperationEvent),
        (status = NOT_FOUND, description = "`NO_REBUILD`: there was none. `PROJECTION_NOT_FOUND`",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem")),
        (status = SERVICE_UNAVAILABLE, description = "`READ_MODEL_UNAVAILABLE`: its database does not answer",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn follow(
    State(operated): State<AllOperated>,
    Path(name): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let one = operated.find(&name)?;
    let operation = one.operation().await?;
    Ok(Sse::new(events(one.clone(), operation)).keep_alive(KeepAlive::default()))
}

/// Call a rebuild or a rollback off.
///
/// It ends within moments and leaves no trace; the live generation is untouched.
#[utoipa::path(delete, path = "/projections/{name}/rebuild", operation_id = "cancel_rebuild", tag = "projections",
    params(("name" = String, Path, description = "Its name", example = "catalog"), Operator),
    request_body(content = Option<Why>),
    responses(
        (status = ACCEPTED, description = "It will be called off", body = Operation),
        (status = NOT_FOUND, description = "`PROJECTION_NOT_FOUND`: no projection of this process has the name",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem")),
        (status = CONFLICT, description = "`REBUILD_NOT_RUNNING`: none runs",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem")),
        (status = SERVICE_UNAVAILABLE, description = "`READ_MODEL_UNAVAILABLE`: its database does not answer",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn cancel(
    State(operated): State<AllOperated>,
    Path(name): Path<String>,
    operator: Operator,
    OptionalBody(why): OptionalBody<Why>,
) -> Result<Accepted, Problem> {
    let one = operated.find(&name)?;
    let why = why.checked()?;
    let given = (one.name(), operator, why);
    let cancelling = transact(&one.pool, &given, is_lost, |tx, (name, operator, why)| {
        request_cancel(tx, name, operator, why.as_deref()).boxed()
    });
    match cancelling.await.map_err(unreadable)? {
        Some(operation) => Ok(one.accepted(operation)),
        None => {
            let detail = "no rebuild or rollback is running";
            Err(Problem::new(StatusCode::CONFLICT, "REBUILD_NOT_RUNNING", detail))
        }
    }
}

/// Calls the operation off that runs, in the caller's transaction, and gives it.
async fn request_cancel(
    tx: &mut PgConnection,
    projection: &'static str,
    operator: &Operator,
    why: Option<&str>,
) -> Result<ControlFlow<Option<Operation>, Option<Operation>>, sqlx::Error> {
    let operation = record::load(tx, projection).await?;
    let Some(operation) = operation.filter(|operation| operation.state == OperationState::Running) else {
        return Ok(ControlFlow::Break(None));
    };
    record::request_cancel(tx, projection).await?;
    actions::record(tx, projection, Action::Cancel, operator, why, None).await?;
    Ok(ControlFlow::Continue(Some(operation)))
}

/// 202 with the operation and its location.
type Accepted = (StatusCode, [(HeaderName, HeaderValue); 1], Json<Operation>);

impl Operated {
    fn name(&self) -> &'static str {
        self.projection.name()
    }

    async fn start(&self, wanted: Wanted) -> Result<Accepted, Problem> {
        match self.rebuilds.start(wanted).await {
            Ok(operation) => Ok(self.accepted(operation)),
            Err(refusal) => Err(self.refused(refusal)),
        }
    }

    fn accepted(&self, operation: Operation) -> Accepted {
        (
            StatusCode::ACCEPTED,
            [(header::LOCATION, self.location())],
            Json(operation),
        )
    }

    fn location(&self) -> HeaderValue {
        HeaderValue::try_from(format!("/projections/{}/rebuild", self.name())).expect("a name is plain ASCII")
    }

    fn refused(&self, refusal: Refusal) -> Problem {
        let refusal = match refusal {
            Refusal::Database(error) => return unreadable(error),
            other => other,
        };
        let (status, code) = match &refusal {
            Refusal::Running => (StatusCode::CONFLICT, "REBUILD_RUNNING"),
            Refusal::NoRetired => (StatusCode::CONFLICT, "NO_RETIRED_GENERATION"),
            Refusal::VersionMismatch { .. } => (StatusCode::CONFLICT, "VERSION_MISMATCH"),
            Refusal::Stopping | Refusal::Database(_) => (StatusCode::SERVICE_UNAVAILABLE, "READ_MODEL_UNAVAILABLE"),
        };
        let problem = Problem::new(status, code, refusal.to_string());
        match refusal {
            Refusal::Running => problem.with_header(header::LOCATION, self.location()),
            _ => problem,
        }
    }

    async fn operation(&self) -> Result<Operation, Problem> {
        let mut connection = living(&self.pool).await.map_err(unreadable)?;
        let operation = record::load(&mut connection, self.name()).await.map_err(unreadable)?;
        let detail = "there was no rebuild or rollback yet";
        operation.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "NO_REBUILD", detail))
    }
}
