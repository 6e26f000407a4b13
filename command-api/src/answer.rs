//! The answer to an accepted command.

use axum::Json;
use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::Position;
use event_store::{RecordedAnswer, StateTag};
use serde::Serialize;
use utoipa::ToSchema;

use crate::conditional::entity_tag;

/// The header with the position a query waits for to see the command's effect.
pub(crate) const EVENT_POSITION: HeaderName = HeaderName::from_static("event-position");
/// The header that tells a replayed answer.
pub(crate) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What an accepted command is answered with.
#[derive(Debug)]
pub(crate) struct Answer<F> {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) replayed: bool,
    pub(crate) state: StateTag,
    pub(crate) body: Accepted<F>,
}

/// An accepted command: what it was about, where its stream is now, and the fields it set.
///
/// The answer to a repeated request (`Idempotency-Replayed: true`) has no fields but `id`, `sequence` and `position`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accepted<F> {
    /// The resource's id.
    #[schema(example = "1")]
    pub(crate) id: String,
    /// Sequence of the resource's last event.
    #[schema(example = 2)]
    pub(crate) sequence: i64,
    /// Position of the resource's last event in the log, also in `Event-Position`; a query's `Min-Position`.
    #[schema(example = 1024)]
    pub(crate) position: i64,
    #[serde(flatten)]
    pub(crate) fields: Option<F>,
}

/// No fields: the command sets none that are shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoFields {}

impl<F> Answer<F> {
    /// The answer to a command that was accepted now: 201 at a new location, else 200.
    pub(crate) fn accepted(
        id: String,
        location: Option<String>,
        (state, position): (StateTag, Position),
        fields: F,
    ) -> Self {
        let body = Accepted {
            id,
            sequence: state.sequence.0,
            position: position.0,
            fields: Some(fields),
        };
        Self {
            status: status(location.as_deref()),
            location,
            replayed: false,
            state,
            body,
        }
    }

    /// The recorded answer to a command that was accepted before. `id` is the id in the request's path, if it has one:
    /// of what the first request created, only the recorded location knows the id.
    pub(crate) fn replayed(id: String, recorded: RecordedAnswer) -> Self {
        let created = recorded
            .location
            .as_deref()
            .and_then(|location| location.rsplit('/').next())
            .map(str::to_owned);
        let body = Accepted {
            id: created.unwrap_or(id),
            sequence: recorded.sequence.0,
            position: recorded.position.0,
            fields: None,
        };
        let status = StatusCode::from_u16(recorded.status).unwrap_or(StatusCode::OK);
        Self {
            status,
            location: recorded.location,
            replayed: true,
            state: StateTag::new(recorded.log_id, recorded.sequence),
            body,
        }
    }
}

/// The status of a command's answer: 201 if it has a location.
pub(crate) fn status(location: Option<&str>) -> StatusCode {
    if location.is_some() {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    }
}

impl<F: Serialize> IntoResponse for Answer<F> {
    fn into_response(self) -> Response {
        let tag = entity_tag(self.state);
        let mut headers = vec![
            (ETAG, value(&tag)),
            (EVENT_POSITION, HeaderValue::from(self.body.position)),
        ];
        headers.extend(self.location.as_deref().map(|location| (LOCATION, value(location))));
        headers.extend(
            self.replayed
                .then(|| (IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"))),
        );
        let mut response = (self.status, Json(self.body)).into_response();
        response.headers_mut().extend(headers);
        response
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("tags and locations are made of numbers and ids, which are visible ASCII")
}
