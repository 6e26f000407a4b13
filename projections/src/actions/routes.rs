//! `GET /projections/{name}/actions`: what operators did.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use service::{Path, Problem, Query};
use session::living;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::actions::{self, OperatorAction};
use crate::operated::AllOperated;
use crate::parameters::Parameters;
use crate::refusal::unreadable;
use crate::{Cursor, Limit, Page};

/// Gives the route that lists actions.
pub(crate) fn router(operated: AllOperated) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list)).with_state(operated)
}

/// Which page of a list that operators read.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParameters {
    /// Items per page, 1 to 100.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    pub(crate) limit: Option<String>,
    /// The `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}

impl PageParameters {
    /// The page's length, and where it begins in the list of that name.
    ///
    /// # Errors
    /// 400 `INVALID_QUERY`, `INVALID_CURSOR`.
    pub(crate) fn checked(self, list: &(&str, &String)) -> Result<(Limit, Option<i64>), Problem> {
        let mut parameters = Parameters::default();
        let limit = parameters.limit(self.limit.as_deref());
        parameters.finish()?;
        let from = self.cursor.map(|cursor| Cursor::decode(&cursor, list)).transpose()?;
        Ok((limit, from))
    }
}

/// What operators did
#[utoipa::path(get, path = "/projections/{name}/actions", operation_id = "list_projection_actions", tag = "projections",
    params(("name" = String, Path, description = "Its name", example = "catalog"), PageParameters),
    responses(
        (status = OK, description = "Who did what, when and why; newest first", body = Page<OperatorAction>),
        (status = NOT_FOUND, description = "`PROJECTION_NOT_FOUND`",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn list(
    State(all): State<AllOperated>,
    Path(name): Path<String>,
    Query(given): Query<PageParameters>,
) -> Result<Json<Page<OperatorAction>>, Problem> {
    let operated = all.find(&name)?;
    let list = ("actions", &name);
    let (limit, before) = given.checked(&list)?;
    let mut connection = living(&operated.pool).await.map_err(unreadable)?;
    let rows = actions::list(&mut connection, &name, before, limit)
        .await
        .map_err(unreadable)?;
    let page = Page::cut(rows, limit, |row| Cursor::encode(&row.id, &list), OperatorAction::from);
    Ok(Json(page))
}
