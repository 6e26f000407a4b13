//! Whose answer it is: a process answers only for its own services, and says in every answer which those are.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Service;
use crate::Problem;

/// The header that names services: in a request the one that is meant, in an answer all that the process has.
const MARQUEE_SERVICE: HeaderName = HeaderName::from_static("marquee-service");

/// A name server has forgotten the address of a container that is gone after about a second.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The names that a process answers for.
pub(super) struct Addressed {
    names: Vec<&'static str>,
    answer: HeaderValue,
}

impl Addressed {
    pub(super) fn to(services: &[Service]) -> Self {
        let names: Vec<_> = services
            .iter()
            .flat_map(|service| service.answers_for.clone())
            .collect();
        let answer = HeaderValue::from_str(&names.join(", ")).expect("the name of a service is visible ASCII");
        Self { names, answer }
    }

    /// Lets a request pass that names one of the process's services, or none at all. Any other one is 421 and has no effect:
    /// an address may have passed from one container to another since its sender looked it up.
    pub(super) async fn check(addressed: Arc<Self>, request: Request, next: Next) -> Response {
        if addressed.is_meant(request.headers()) {
            return next.run(request).await;
        }
        let detail = "this address belongs to another service than the request names in Marquee-Service; \
            nothing was done, and the request can be sent again";
        Problem::new(StatusCode::MISDIRECTED_REQUEST, "MISDIRECTED_REQUEST", detail)
            .retry_after(RETRY_AFTER)
            .into_response()
    }

    /// Says in an answer whose it is.
    pub(super) fn sign(&self, response: &mut Response) {
        response.headers_mut().insert(MARQUEE_SERVICE, self.answer.clone());
    }

    fn is_meant(&self, headers: &HeaderMap) -> bool {
        headers
            .get_all(MARQUEE_SERVICE)
            .iter()
            .all(|named| self.names.iter().any(|name| name.as_bytes() == named.as_bytes()))
    }
}
