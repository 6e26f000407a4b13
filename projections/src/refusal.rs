//! The problems that queries answer with instead of data.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use domain::{Rejection, RejectionKind};
use service::Problem;
use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use crate::ReadPosition;
use crate::reads::again;
use crate::reads::answer::HEADER_READ_POSITION;

/// What a reader is told to wait before it asks again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What is asked for is not there, told as a command to it would be told: 410 when it has ended for ever, else 404.
pub(crate) fn absent(position: ReadPosition, rejection: &impl Rejection) -> Problem {
    let status = match rejection.kind() {
        RejectionKind::Gone => StatusCode::GONE,
        _ => StatusCode::NOT_FOUND,
    };
    at(position, Problem::new(status, rejection.code(), rejection.to_string()))
}

/// 404 for what has no stream of its own.
pub(crate) fn not_found(position: ReadPosition, code: &'static str, detail: &str) -> Problem {
    at(position, Problem::new(StatusCode::NOT_FOUND, code, detail))
}

/// That something is not there is an answer too, and holds at a position like any other.
fn at(position: ReadPosition, problem: Problem) -> Problem {
    problem.with_header(
        HeaderName::from_static(HEADER_READ_POSITION),
        HeaderValue::from(position.position.0),
    )
}

/// 503: the database did not answer the query, or its generation was dropped just now. Asking again is right either way.
pub(crate) fn unreadable(error: sqlx::Error) -> Problem {
    again::note(&error);
    tracing::warn!(
        error = &error as &dyn std::error::Error,
        "a query of the read model failed"
    );
    let detail = "the read model's database does not answer";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "READ_MODEL_UNAVAILABLE", detail).retry_after(RETRY_AFTER)
}

/// The documentation of what any query may answer besides its data; the document's `Problem` is the service's.
pub(crate) struct ReadRefusals;

impl IntoResponses for ReadRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let problem = |description: &str| {
            let schema = Ref::from_schema_name("Problem");
            let content = ContentBuilder::new().schema(Some(schema)).build();
            ResponseBuilder::new()
                .description(description)
                .content("application/problem+json", content)
        };
        let unchanged = ResponseBuilder::new().description("Not changed since the answer with the entity tag sent.");
        let wrong = "`INVALID_PATH`, `INVALID_QUERY`, `INVALID_CURSOR`, `INVALID_POSITION`, `INVALID_HOST`, `POSITION_BEYOND_HEAD`: \
            the request has to be another one.";
        let unavailable = "`READ_MODEL_BEHIND`, `READ_MODEL_PARKED`, `LOG_DIVERGED`, `READ_MODEL_UNAVAILABLE`: \
            ask again, after `Retry-After` seconds where it is given.";
        [
            ("304", unchanged),
            ("400", problem(wrong)),
            ("503", problem(unavailable)),
        ]
        .map(|(status, response)| (status.to_owned(), response.build().into()))
        .into()
    }
}
