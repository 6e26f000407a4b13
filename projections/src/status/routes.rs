//! `GET /projections`: how each projection of this process is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use service::{Path, Problem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::status::Observed;
use crate::{Page, ProjectionStatus};

type AllObserved = Arc<Vec<Observed>>;

/// Gives the routes that answer for these projections.
pub(crate) fn router(observed: Vec<Observed>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .with_state(Arc::new(observed))
}

/// How the projections are.
#[utoipa::path(get, path = "/projections", operation_id = "list_projections", tag = "projections",
    responses((status = OK, description = "State, position and lag of each", body = Page<ProjectionStatus>)))]
async fn list(State(observed): State<AllObserved>) -> Json<Page<ProjectionStatus>> {
    let items = futures::future::join_all(observed.iter().map(Observed::status)).await;
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
        (status = NOT_FOUND, description = "No projection of this process has the name")))]
async fn show(
    State(observed): State<AllObserved>,
    Path(name): Path<String>,
) -> Result<Json<ProjectionStatus>, Problem> {
    match observed.iter().find(|one| one.progress.projection() == name) {
        Some(one) => Ok(Json(one.status().await)),
        None => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "PROJECTION_NOT_FOUND",
            "this process serves no projection of that name",
        )),
    }
}
