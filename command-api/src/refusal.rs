//! From the reasons a command is not accepted to problems.

use std::time::Duration;

use axum::http::header::ETAG;
use axum::http::{HeaderValue, StatusCode};
use domain::{Rejection, RejectionKind, Sequence};
use event_store::{ExecuteError, FailedCondition, StateTag, StoreError};
use service::Problem;

use crate::conditional::entity_tag;

/// When a client may try again what only came at a bad moment.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The problem a client gets for a command that was not accepted; what is our own fault is logged here.
pub(crate) fn problem<R: Rejection>(error: ExecuteError<R, StoreError>) -> Problem {
    match error {
        ExecuteError::Rejected(rejection) => {
            Problem::new(status(rejection.kind()), rejection.code(), rejection.to_string())
        }
        ExecuteError::PreconditionFailed {
            failed,
            sequence,
            log_id,
        } => precondition_failed(failed, StateTag::new(log_id, sequence)),
        ExecuteError::Conflict => Problem::new(
            StatusCode::CONFLICT,
            "CONFLICT",
            "other commands kept changing what this one is about; nothing was changed, try again",
        )
        .retry_after(RETRY_AFTER),
        ExecuteError::KeyReused => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "IDEMPOTENCY_KEY_REUSED",
            "the Idempotency-Key was used before by another request",
        ),
        ExecuteError::Store(error) | ExecuteError::Prepare(error) => store_problem(&error),
    }
}

/// 412, with the entity tag of the present state if there is one.
fn precondition_failed(failed: FailedCondition, state: StateTag) -> Problem {
    let sequence = state.sequence;
    let because = match failed {
        FailedCondition::IfMatch if sequence == Sequence(0) => "If-Match does not hold: there is nothing with this id",
        FailedCondition::IfMatch => {
            "If-Match does not hold: the resource has changed since, ETag tells its present state"
        }
        FailedCondition::IfNoneMatch => "If-None-Match does not hold: the resource is there, in a state that it names",
    };
    let problem = Problem::new(
        StatusCode::PRECONDITION_FAILED,
        "PRECONDITION_FAILED",
        format!("{because}; nothing was changed"),
    );
    if sequence == Sequence(0) {
        return problem;
    }
    let tag = HeaderValue::try_from(entity_tag(state)).expect("digits in quotes are a header value");
    problem.with_header(ETAG, tag)
}

fn status(kind: RejectionKind) -> StatusCode {
    match kind {
        RejectionKind::NotFound => StatusCode::NOT_FOUND,
        RejectionKind::Exists | RejectionKind::Conflict => StatusCode::CONFLICT,
        RejectionKind::Gone => StatusCode::GONE,
    }
}

fn store_problem(error: &StoreError) -> Problem {
    let unavailable =
        |code, detail| Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(RETRY_AFTER);
    match error {
        StoreError::Busy => unavailable(
            "WRITER_BUSY",
            "too many commands are waiting; nothing was changed, try again",
        ),
        StoreError::OutcomeUnknown => {
            log(error);
            unavailable(
                "OUTCOME_UNKNOWN",
                "the command may or may not have been accepted; with an Idempotency-Key it is safe to repeat under the same key",
            )
        }
        StoreError::Unavailable(_) | StoreError::Stopped => {
            log(error);
            unavailable(
                "EVENT_STORE_UNAVAILABLE",
                "the event store does not answer; nothing was changed, try again",
            )
        }
        StoreError::Diverged { .. } => {
            log(error);
            unavailable(
                "LOG_DIVERGED",
                "the event store has lost events that it had accepted, and an operator has to look after it; nothing was changed",
            )
        }
        StoreError::Refused(_) | StoreError::Unreadable { .. } => {
            log(error);
            Problem::internal()
        }
    }
}

fn log(error: &StoreError) {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "a command could not be carried out"
    );
}
