//! The one shape of every error answer: `application/problem+json` (RFC 9457).

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::context::CURRENT_REQUEST_ID;

/// The media type of every error answer.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// An error answer: status, stable code, one sentence for a person, and a field error per wrong field.
///
/// The request's id is filled in when the problem becomes a response.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    pub(crate) errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What is wrong with one field of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the field: `/full_name`, `/genres/0`; for a parameter or a header, its name: `/limit`,
    /// `/If-Match`.
    #[schema(example = "/full_name")]
    pub pointer: String,
    /// Stable code of the fault.
    #[schema(example = "TOO_LONG")]
    pub code: &'static str,
    /// One sentence for a person.
    #[schema(example = "must be at most 200 characters")]
    pub detail: String,
}

/// The body of a problem, as it is sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// Stable URI of the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "urn:marquee:problem:validation-failed")]
    kind: String,
    /// The kind of problem in words.
    #[schema(example = "Validation failed")]
    title: String,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// What happened this time.
    #[schema(example = "the request has fields that are not acceptable")]
    detail: String,
    /// Stable code of the kind of problem, for programs.
    #[schema(example = "VALIDATION_FAILED")]
    code: &'static str,
    /// The id of the request, as in the `Request-Id` header and the logs.
    #[schema(example = "01a206d1-f104-71d5-957c-0a86eca66e29")]
    request_id: String,
    /// The wrong fields; left out when no field is to blame. All fields of a wrong type or name are told at once, and once
    /// there are none, all wrong values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
}

impl Problem {
    /// A problem of a kind, with one sentence on what happened. The sentence must hold no personal data.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// 422 `VALIDATION_FAILED` with all the wrong fields.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "VALIDATION_FAILED",
            "the request has fields that are not acceptable",
        )
        .with_errors(errors)
    }

    /// 400 `INVALID_PATH` with the wrong parameters of the path.
    pub fn invalid_path(errors: Vec<FieldError>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "INVALID_PATH",
            "the path has parameters that are not acceptable",
        )
        .with_errors(errors)
    }

    /// 400 `INVALID_QUERY` with the wrong parameters of the query.
    pub fn invalid_query(errors: Vec<FieldError>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "INVALID_QUERY",
            "the query has parameters that are not acceptable",
        )
        .with_errors(errors)
    }

    /// 500 `INTERNAL_ERROR`; what went wrong belongs in the log, not in the answer.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL_ERROR",
            "the request could not be answered because of a fault in the service",
        )
    }

    /// Adds a wrong field.
    #[must_use]
    pub fn with_error(mut self, error: FieldError) -> Self {
        self.errors.push(error);
        self
    }

    /// Adds wrong fields.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors.extend(errors);
        self
    }

    /// Tells the client when to try again; rounded up to whole seconds.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with_header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

impl FieldError {
    /// What is wrong with the field at `pointer`.
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code,
            detail: detail.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            kind: kind(self.code),
            title: title(self.code),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code,
            request_id: CURRENT_REQUEST_ID.try_with(Clone::clone).unwrap_or_default(),
            errors: self.errors,
        };
        let text = serde_json::to_string(&body).expect("strings and numbers always become JSON");
        let mut response = (self.status, [(CONTENT_TYPE, PROBLEM_JSON)], text).into_response();
        response.headers_mut().extend(self.headers);
        response
    }
}

impl ProblemBody {
    /// A problem as the documentation shows it.
    pub(crate) fn example(status: u16, code: &str) -> serde_json::Value {
        serde_json::json!({
            "type": kind(code), "title": title(code), "status": status, "code": code,
            "detail": "what happened this time, in one sentence",
            "request_id": "01a206d1-f104-71d5-957c-0a86eca66e29",
        })
    }
}

/// `VALIDATION_FAILED` as a URI.
fn kind(code: &str) -> String {
    format!("urn:marquee:problem:{}", code.to_ascii_lowercase().replace('_', "-"))
}

/// `VALIDATION_FAILED` in words: `Validation failed`.
fn title(code: &str) -> String {
    let words = code.to_ascii_lowercase().replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + letters.as_str()
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::StatusCode;
    use axum::http::header::RETRY_AFTER;
    use axum::response::IntoResponse;

    use super::{Problem, title};

    #[test]
    fn a_title_is_the_code_in_words() {
        assert_eq!(title("READ_MODEL_BEHIND"), "Read model behind");
    }

    #[test]
    fn retry_after_is_rounded_up_to_whole_seconds() {
        let problem =
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "WRITER_BUSY", "").retry_after(Duration::from_millis(1200));
        assert_eq!(problem.into_response().headers()[RETRY_AFTER], "2");
    }
}
