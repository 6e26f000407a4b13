//! Pausing a projection: it applies nothing until it is resumed, in whatever process its consumers are.
//!
//! The row says it, and every commit looks under the row's lock. The consumer of this process is told at once, others find
//! out with their next commit, or when they look again.

use axum::Json;
use axum::extract::State;
use service::{Path, Problem};
use sqlx::Connection;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::actions::{self, Action};
use crate::operated::{AllOperated, Operated};
use crate::operator::Operator;
use crate::reason::{OptionalBody, Why};
use crate::refusal::unreadable;
use crate::{ProjectionStatus, control};

/// Gives the routes that pause and resume.
pub(crate) fn router(operated: AllOperated) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(pause))
        .routes(routes!(resume))
        .with_state(operated)
}

/// Pause a projection
///
/// Nothing more is applied to it until it is resumed. Its queries go on being answered. One that is paused already stays
/// as it is, with its first reason.
#[utoipa::path(post, path = "/projections/{name}/pause", operation_id = "pause_projection", tag = "projections",
    params(("name" = String, Path, description = "Its name", example = "catalog"), Operator),
    request_body(content = Option<Why>, description = "Why, if you like"),
    responses(
        (status = OK, description = "How it is now", body = ProjectionStatus),
        (status = NOT_FOUND, description = "`PROJECTION_NOT_FOUND`",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn pause(
    State(all): State<AllOperated>,
    Path(name): Path<String>,
    operator: Operator,
    OptionalBody(why): OptionalBody<Why>,
) -> Result<Json<ProjectionStatus>, Problem> {
    let operated = all.find(&name)?;
    let reason = why.checked()?;
    change(operated, &operator, Change::Pause, reason.as_deref())
        .await
        .map_err(unreadable)?;
    Ok(Json(operated.observed.status().await))
}

/// Resume a projection
///
/// It goes on where it was. One that is not paused stays as it is.
#[utoipa::path(post, path = "/projections/{name}/resume", operation_id = "resume_projection", tag = "projections",
    params(("name" = String, Path, description = "Its name", example = "catalog"), Operator),
    request_body(content = Option<Why>, description = "Why, if you like"),
    responses(
        (status = OK, description = "How it is now", body = ProjectionStatus),
        (status = NOT_FOUND, description = "`PROJECTION_NOT_FOUND`",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn resume(
    State(all): State<AllOperated>,
    Path(name): Path<String>,
    operator: Operator,
    OptionalBody(why): OptionalBody<Why>,
) -> Result<Json<ProjectionStatus>, Problem> {
    let operated = all.find(&name)?;
    let reason = why.checked()?;
    change(operated, &operator, Change::Resume, reason.as_deref())
        .await
        .map_err(unreadable)?;
    Ok(Json(operated.observed.status().await))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Pause,
    Resume,
}

/// Pauses or resumes, and tells the consumer of this process.
async fn change(
    operated: &Operated,
    operator: &Operator,
    change: Change,
    why: Option<&str>,
) -> Result<(), sqlx::Error> {
    let projection = operated.projection.name();
    let mut connection = operated.pool.acquire().await?;
    let mut tx = connection.begin().await?;
    control::lock(&mut tx, projection).await?;
    let row = control::load(&mut tx, projection)
        .await?
        .ok_or(sqlx::Error::RowNotFound)?;
    if row.paused.is_some() == (change == Change::Pause) {
        return Ok(());
    }
    let action = match change {
        Change::Pause => {
            control::pause(&mut tx, projection, &operator.0, why).await?;
            Action::Pause
        }
        Change::Resume => {
            control::resume(&mut tx, projection).await?;
            Action::Resume
        }
    };
    actions::record(&mut tx, projection, action, operator, why, None).await?;
    tx.commit().await?;
    tracing::info!(
        projection,
        action = action.as_str(),
        operator = operator.0,
        "an operator acted"
    );
    operated.observed.progress.tell_pause_changed();
    Ok(())
}
