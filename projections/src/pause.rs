//! Pausing a projection: it applies nothing until it is resumed, in whatever process its consumers are.
//!
//! The row says it, and every commit looks under the row's lock. All consumers are called to look at it, and the answer waits
//! until they have: until none has a session any more, or each that rested has one again.

use std::ops::ControlFlow;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use futures::FutureExt;
use serde::Serialize;
use service::{Path, Problem};
use session::{ask, is_lost, transact};
use sqlx::PgConnection;
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::actions::{self, Action};
use crate::attendance::{self, Part};
use crate::operated::{AllOperated, Operated};
use crate::operator::Operator;
use crate::patience::Patience;
use crate::reason::{OptionalBody, Why};
use crate::refusal::unreadable;
use crate::{ProjectionStatus, control};

/// How often it is looked whether the consumers have taken it.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Gives the routes that pause and resume.
pub(crate) fn router(operated: AllOperated) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(pause))
        .routes(routes!(resume))
        .with_state(operated)
}

/// How a projection is after a change that its consumers have to take.
#[derive(Serialize, ToSchema)]
struct Changed {
    #[serde(flatten)]
    status: ProjectionStatus,
    /// What is still to happen; null when all has.
    #[schema(required = true)]
    pending: Option<Pending>,
}

/// A change that not every consumer has taken yet.
#[derive(Serialize, ToSchema)]
struct Pending {
    /// How many consumers have not, in all processes.
    consumers: i64,
    /// What that means.
    detail: &'static str,
}

/// Pause a projection
///
/// Nothing more is applied to it until it is resumed. Its queries go on being answered. One that is paused already stays
/// as it is, with its first reason. The answer waits until its consumers, in whatever process, have left the queue.
#[utoipa::path(post, path = "/projections/{name}/pause", operation_id = "pause_projection", tag = "projections",
    params(("name" = String, Path, description = "Its name", example = "catalog"), Operator, Patience),
    request_body(content = Option<Why>, description = "Why, if you like"),
    responses(
        (status = OK, description = "How it is now; no consumer has a session with the broker", body = Changed),
        (status = ACCEPTED, description = "It is paused and nothing more is applied, but `pending.consumers` have not left \
            the queue in time; ask again to wait again", body = Changed),
        (status = NOT_FOUND, description = "`PROJECTION_NOT_FOUND`",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn pause(
    State(all): State<AllOperated>,
    Path(name): Path<String>,
    operator: Operator,
    patience: Patience,
    OptionalBody(why): OptionalBody<Why>,
) -> Result<(StatusCode, Json<Changed>), Problem> {
    carry_out(all.find(&name)?, &operator, Change::Pause, patience, why).await
}

/// Resume a projection
///
/// It goes on where it was. One that is not paused stays as it is. The answer waits until its consumers, in whatever process,
/// are back at the queue, or have found out why they cannot be.
#[utoipa::path(post, path = "/projections/{name}/resume", operation_id = "resume_projection", tag = "projections",
    params(("name" = String, Path, description = "Its name", example = "catalog"), Operator, Patience),
    request_body(content = Option<Why>, description = "Why, if you like"),
    responses(
        (status = OK, description = "How it is now; every consumer that rested has gone on", body = Changed),
        (status = ACCEPTED, description = "It is resumed, but `pending.consumers` have not gone on in time; ask again to \
            wait again", body = Changed),
        (status = NOT_FOUND, description = "`PROJECTION_NOT_FOUND`",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"))))]
async fn resume(
    State(all): State<AllOperated>,
    Path(name): Path<String>,
    operator: Operator,
    patience: Patience,
    OptionalBody(why): OptionalBody<Why>,
) -> Result<(StatusCode, Json<Changed>), Problem> {
    carry_out(all.find(&name)?, &operator, Change::Resume, patience, why).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Pause,
    Resume,
}

impl Change {
    /// What a consumer is at that has not taken it.
    fn untaken(self) -> Part {
        match self {
            Self::Pause => Part::Works,
            Self::Resume => Part::Rests,
        }
    }

    fn pending(self, consumers: i64) -> Pending {
        let detail = match self {
            Self::Pause => {
                "it is paused and nothing more is applied, but so many of its consumers have not left the queue yet; repeat the \
                 request to wait again"
            }
            Self::Resume => {
                "it is resumed, but so many of its consumers have not gone on yet; repeat the request to wait again"
            }
        };
        Pending { consumers, detail }
    }
}

async fn carry_out(
    operated: &Operated,
    operator: &Operator,
    wanted: Change,
    Patience(patience): Patience,
    why: Why,
) -> Result<(StatusCode, Json<Changed>), Problem> {
    let reason = why.checked()?;
    let give_up_at = Instant::now() + patience;
    change(operated, operator, wanted, reason.as_deref())
        .await
        .map_err(unreadable)?;
    let consumers = wait_until_taken(operated, wanted.untaken(), give_up_at)
        .await
        .map_err(unreadable)?;
    let (status, pending) = match consumers {
        0 => (StatusCode::OK, None),
        _ => (StatusCode::ACCEPTED, Some(wanted.pending(consumers))),
    };
    let changed = Changed {
        status: operated.observed.status().await,
        pending,
    };
    Ok((status, Json(changed)))
}

/// Pauses or resumes, and calls the consumers.
async fn change(
    operated: &Operated,
    operator: &Operator,
    change: Change,
    why: Option<&str>,
) -> Result<(), sqlx::Error> {
    let projection = operated.projection.name();
    let given = (projection, operator, change, why);
    let changing = transact(
        &operated.pool,
        &given,
        is_lost,
        |tx, (projection, operator, change, why)| change_row(tx, projection, operator, *change, *why).boxed(),
    );
    if let Some(action) = changing.await? {
        let action = action.as_str();
        tracing::info!(projection, action, operator = operator.0, "an operator acted");
        operated.observed.progress.tell_changed();
    }
    Ok(())
}

/// Changes the row in the caller's transaction, if it is not as it should be already.
async fn change_row(
    tx: &mut PgConnection,
    projection: &'static str,
    operator: &Operator,
    change: Change,
    why: Option<&str>,
) -> Result<ControlFlow<Option<Action>, Option<Action>>, sqlx::Error> {
    control::lock(tx, projection).await?;
    let row = control::load(tx, projection).await?.ok_or(sqlx::Error::RowNotFound)?;
    if row.paused.is_some() == (change == Change::Pause) {
        return Ok(ControlFlow::Break(None));
    }
    let action = match change {
        Change::Pause => {
            control::pause(tx, projection, &operator.0, why).await?;
            Action::Pause
        }
        Change::Resume => {
            control::resume(tx, projection).await?;
            Action::Resume
        }
    };
    actions::record(tx, projection, action, operator, why, None).await?;
    attendance::call(tx, projection).await?;
    Ok(ControlFlow::Continue(Some(action)))
}

/// Waits until no consumer is at `part` any more, and gives how many still are when the time is up. The one of this process is
/// asked itself: it may have lost the session by which others see it.
async fn wait_until_taken(operated: &Operated, part: Part, give_up_at: Instant) -> Result<i64, sqlx::Error> {
    let name = operated.projection.name();
    loop {
        let seen = ask(&operated.pool, |session| attendance::count(session, name, part).boxed()).await?;
        let own = i64::from(operated.observed.progress.attendance().has(part));
        let left = seen.max(own);
        if left == 0 || Instant::now() >= give_up_at {
            return Ok(left);
        }
        sleep(LOOK_INTERVAL).await;
    }
}
