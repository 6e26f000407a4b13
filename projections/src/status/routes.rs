//! `GET /projections`: how each projection of this process is.

use axum::Json;
use axum::extract::State;
use service::{Path, Problem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::operated::AllOperated;
use crate::{Page, ProjectionStatus};

/// Gives the routes that answer for these projections.
pub(crate) fn router(operated: AllOperated) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .with_state(operated)
}

/// How the projections are.
#[utoipa::path(get, path = "/projections", operation_id = "list_projections", tag = "projections",
    responses((status = OK, description = "State, position and lag of each", body = Page<ProjectionStatus>)))]
async fn list(State(all): State<AllOperated>) -> Json<Page<ProjectionStatus>> {
    let items = futures::future::join_all(all.iter().map(|one| one.observed.status())).await;
    Json(Page {
        items,
        next_cursor: None,
    })
}

/// How one projection is.
#[utoipa::path(get, path = "/projections/{name}", operation_id = "show_projection", tag = "projections",
    params(("name" = String, Path, description = "Its name", example = "catalog")),
    responses(
        (status = OK, description = "State, position and lag", body = ProjectionStatus),
        (status = NOT_FOUND, description = "`PROJECTION_NOT_FOUND`: no projection of this process has the name",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn show(State(all): State<AllOperated>, Path(name): Path<String>) -> Result<Json<ProjectionStatus>, Problem> {
    Ok(Json(all.find(&name)?.observed.status().await))
}
