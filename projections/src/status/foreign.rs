//! Messages that were not believed, kept aside for who looks into them: the last hundred since the process began.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use event_bus::Origin;
use serde::Serialize;
use service::{Path, Problem};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Page;
use crate::operated::AllOperated;

/// A message that had no effect, and why.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ForeignMessage {
    /// When it came.
    at: DateTime<Utc>,
    /// Why it was not believed.
    #[schema(example = "the property app_id is missing")]
    reason: String,
    /// Where it was published; empty when that is not known any more.
    exchange: String,
    /// By which routing key.
    routing_key: String,
    /// Its `message_id`.
    #[schema(required = true)]
    message_id: Option<String>,
    /// Its `app_id`.
    #[schema(required = true)]
    app_id: Option<String>,
    /// Length of its body.
    body_bytes: usize,
}

impl ForeignMessage {
    pub(crate) fn new(reason: &str, origin: Origin) -> Self {
        Self {
            at: Utc::now(),
            reason: reason.to_owned(),
            exchange: origin.exchange,
            routing_key: origin.routing_key,
            message_id: origin.message_id,
            app_id: origin.app_id,
            body_bytes: origin.body_bytes,
        }
    }
}

/// Gives the route.
pub(crate) fn router(operated: AllOperated) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list)).with_state(operated)
}

/// List messages that were not believed
///
/// Those of this process, at most 100, the latest first.
#[utoipa::path(get, path = "/projections/{name}/foreign-messages", operation_id = "list_foreign_messages",
    tag = "projections",
    params(("name" = String, Path, description = "Its name", example = "catalog")),
    responses(
        (status = OK, description = "What they were, and why they had no effect", body = Page<ForeignMessage>),
        (status = NOT_FOUND, description = "`PROJECTION_NOT_FOUND`",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn list(State(all): State<AllOperated>, Path(name): Path<String>) -> Result<Json<Page<ForeignMessage>>, Problem> {
    Ok(Json(Page {
        items: all.find(&name)?.observed.progress.foreign_kept(),
        next_cursor: None,
    }))
}
