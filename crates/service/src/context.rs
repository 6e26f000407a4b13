//! What is known about a request before its handler runs: its id, its trace, on whose behalf it comes.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use uuid::Uuid;

use crate::trace_context;

/// The header that carries a request's id, in and out.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The longest request id that is accepted.
const REQUEST_ID_LENGTH_MAX: usize = 128;

tokio::task_local! {
    /// The id of the request being answered by this task, for the problem bodies made on its way.
    pub(crate) static CURRENT_REQUEST_ID: String;
}

/// A request's id, trace and principal; an extractor that never fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestContext {
    /// The client's `Request-Id` if it is given once, with 1 to 128 visible ASCII characters, else a new UUIDv7.
    pub request_id: String,
    /// The client's W3C `traceparent`, or a new one if it sent none that is valid.
    pub traceparent: Option<String>,
    /// On whose behalf the request comes.
    pub principal: String,
}

/// Tells on whose behalf a request comes: `anonymous`, as there is no authentication.
///
/// Every principal in the system comes from here.
pub fn principal(_request: &Parts) -> String {
    "anonymous".to_owned()
}

impl RequestContext {
    pub(crate) fn of(request: &Parts) -> Self {
        Self {
            request_id: accepted_request_id(&request.headers).unwrap_or_else(|| Uuid::now_v7().to_string()),
            traceparent: Some(trace_context::accept_or_make(&request.headers)),
            principal: principal(request),
        }
    }
}

fn accepted_request_id(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(REQUEST_ID).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let bytes = value.as_bytes();
    let acceptable = (1..=REQUEST_ID_LENGTH_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    acceptable.then(|| String::from_utf8_lossy(bytes).into_owned())
}

impl<S: Send + Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        if let Some(context) = parts.extensions.get::<Self>() {
            return Ok(context.clone());
        }
        let context = Self::of(parts);
        parts.extensions.insert(context.clone());
        Ok(context)
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderMap, REQUEST_ID, accepted_request_id};

    fn accepted(value: &[u8]) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, value.try_into().unwrap());
        accepted_request_id(&headers)
    }

    #[test]
    fn a_request_id_of_visible_ascii_is_accepted() {
        assert_eq!(accepted(b"a"), Some("a".to_owned()));
        assert_eq!(accepted("x".repeat(128).as_bytes()), Some("x".repeat(128)));
    }

    #[test]
    fn any_other_request_id_is_replaced() {
        assert_eq!(accepted(b""), None);
        assert_eq!(accepted(b"with space"), None);
        assert_eq!(accepted("usamä".as_bytes()), None);
        assert_eq!(accepted("x".repeat(129).as_bytes()), None);
        let mut twice = HeaderMap::new();
        for id in ["a", "a"] {
            twice.append(REQUEST_ID, id.parse().unwrap());
        }
        assert_eq!(accepted_request_id(&twice), None);
    }
}
