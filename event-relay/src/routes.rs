//! `GET /relay`: who publishes, how far it has come, and how this process is.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use event_store::{Leader, RelayProgress, RelayState};
use serde::Serialize;
use service::Problem;
use tokio::sync::watch;
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::status::{Broker, Halt, RelayStatus, Role};

/// How long the event store may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// What who asks is told to wait before asking again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The relay. What stands in the event store is the same whichever process is asked; the rest is of this process.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Relay)]
pub struct RelayView {
    /// Who holds the lease; null while nobody does.
    pub leader: Option<LeaderView>,
    /// What part this process plays.
    pub this: Role,
    /// Everything up to here is confirmed by the broker.
    pub position: i64,
    /// Where the log ends.
    pub head: i64,
    /// Events between the two; null when the log does not have the checkpoint's event: positions of two logs are not to be
    /// compared.
    pub lag_events: Option<i64>,
    /// End of the last range that a watermark closed.
    pub watermark: i64,
    /// Identity of the log.
    pub log_id: Uuid,
    /// What this process knows of the broker.
    pub broker: Broker,
    /// Why this process has stopped for a reason that time does not heal, or will: the checkpoint is not in the log. It tries
    /// again from time to time.
    pub halted: Option<Halt>,
    /// The last failure of this process; null since it leads or stands by without one.
    pub last_error: Option<String>,
}

/// A process that holds the lease.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RelayLeader)]
pub struct LeaderView {
    /// Which process: an id of its own at each start.
    pub holder: Uuid,
    /// Which leadership: rises with every change of the holder.
    pub epoch: i64,
    /// Until when, unless it renews the lease; by the event store's clock.
    pub expires_at: DateTime<Utc>,
}

#[derive(Clone)]
struct Observed {
    state: RelayState,
    status: watch::Receiver<RelayStatus>,
}

/// Gives the route.
pub(crate) fn router(state: RelayState, status: watch::Receiver<RelayStatus>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(show))
        .with_state(Observed { state, status })
}

/// How the relay is.
#[utoipa::path(get, path = "/relay", operation_id = "show_relay", tag = "log",
    responses(
        (status = OK, description = "Leader, position and lag, and how this process is", body = RelayView),
        (status = SERVICE_UNAVAILABLE, description = "EVENT_STORE_UNAVAILABLE",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn show(State(Observed { state, status }): State<Observed>) -> Result<Json<RelayView>, Problem> {
    let progress = match timeout(ANSWER_TIMEOUT, state.progress()).await {
        Ok(Ok(progress)) => progress,
        Ok(Err(error)) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the relay's row cannot be read"
            );
            return Err(unavailable());
        }
        Err(_elapsed) => return Err(unavailable()),
    };
    let status = status.borrow().clone();
    Ok(Json(view(progress, status)))
}

fn view(progress: RelayProgress, status: RelayStatus) -> RelayView {
    let (position, head) = (progress.checkpoint.position.0, progress.head.0);
    RelayView {
        leader: progress.leader.map(LeaderView::from),
        this: status.role,
        position,
        head,
        lag_events: progress.is_in_log.then_some(head - position),
        watermark: progress.checkpoint.watermark.0,
        log_id: progress.log_id,
        broker: status.broker,
        halted: status
            .halted
            .or_else(|| (!progress.is_in_log).then(|| diverged(position))),
        last_error: status.last_error,
    }
}

fn diverged(position: i64) -> Halt {
    Halt {
        code: "LOG_DIVERGED",
        reason: format!("the event of the relay's checkpoint, position {position}, is not in the log"),
    }
}

fn unavailable() -> Problem {
    let detail = "the event store does not answer";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "EVENT_STORE_UNAVAILABLE", detail).retry_after(RETRY_AFTER)
}

impl From<Leader> for LeaderView {
    fn from(leader: Leader) -> Self {
        Self {
            holder: leader.holder,
            epoch: leader.epoch,
            expires_at: leader.expires_at,
        }
    }
}
