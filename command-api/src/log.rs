//! `GET /event-store`: which log this is, and where it ends.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use event_store::LogReader;
use serde::Serialize;
use service::Problem;
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// How long the event store may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// What who asks is told to wait before asking again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The event store's log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventStore)]
struct EventStoreView {
    /// Identity of the log; another one after a restore.
    log_id: Uuid,
    /// Position of the last event; 0 in an empty log.
    #[schema(example = 173)]
    head: i64,
    /// When the last event was recorded; null in an empty log.
    recorded_at: Option<DateTime<Utc>>,
}

/// Gives the route.
pub(crate) fn router(log: LogReader) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(show)).with_state(log)
}

/// Where the log ends.
#[utoipa::path(get, path = "/event-store", operation_id = "show_event_store", tag = "log",
    responses(
        (status = OK, description = "The log's identity and its last event's position", body = EventStoreView),
        (status = SERVICE_UNAVAILABLE, description = "EVENT_STORE_UNAVAILABLE",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn show(State(log): State<LogReader>) -> Result<Json<EventStoreView>, Problem> {
    let head = match timeout(ANSWER_TIMEOUT, log.head()).await {
        Ok(Ok(head)) => head,
        Ok(Err(error)) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the log's head cannot be read"
            );
            return Err(unavailable());
        }
        Err(_elapsed) => return Err(unavailable()),
    };
    Ok(Json(EventStoreView {
        log_id: head.log_id,
        head: head.position.0,
        recorded_at: head.recorded_at,
    }))
}

fn unavailable() -> Problem {
    let detail = "the event store does not answer";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "EVENT_STORE_UNAVAILABLE", detail).retry_after(RETRY_AFTER)
}
