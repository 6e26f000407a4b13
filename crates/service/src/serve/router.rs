//! The routes of all services as one router, and what happens around every request.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn, map_response};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;
use utoipa_axum::router::OpenApiRouter;

use super::addressed::Addressed;
use super::parameters::KnownParameters;
use super::{Limits, Service, host};
use crate::context::{CURRENT_REQUEST_ID, REQUEST_ID};
use crate::http_metrics::Load;
use crate::problem::PROBLEM_JSON;
use crate::{Problem, RequestContext, Task, documentation, health, http_metrics};

/// What machines ask every few seconds, and no person wants to find in the log.
const PROBES: [&str; 3] = ["/livez", "/readyz", "/metrics"];

/// When who was not answered may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(super) fn assemble(services: Vec<Service>, limits: Limits, load: Arc<Load>) -> (Router, Vec<Task>) {
    let addressed = Arc::new(Addressed::to(&services));
    let mut merged = OpenApiRouter::new().merge(health::router(&services));
    let mut tasks = Vec::new();
    for service in services {
        merged = merged.merge(service.router);
        tasks.extend(service.tasks);
    }
    let (routes, document) = merged.split_for_parts();
    let known = Arc::new(KnownParameters::of(&document, &PROBES));
    // What belongs to a version of the program may be kept, and has to be asked for each time.
    let pages = documentation::router(documentation::finish(document))
        .layer(map_response(|response| async { cached(response, "no-cache") }));
    let router = routes
        .merge(pages)
        // Who opens the address in a browser wants to know what is there.
        .route("/", get(|| async { Redirect::temporary("/docs") }))
        .fallback(|| async { not_found() })
        .method_not_allowed_fallback(|| async { method_not_allowed() })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(move |request, next| checked(Arc::clone(&known), request, next)))
        .layer(from_fn(move |request, next| within(limits, request, next)))
        .layer(from_fn({
            let addressed = Arc::clone(&addressed);
            move |request, next| Addressed::check(Arc::clone(&addressed), request, next)
        }))
        .layer(from_fn(move |request, next| {
            around(Arc::clone(&load), Arc::clone(&addressed), request, next)
        }));
    (router, tasks)
}

/// Gives a request its id, says whose the answer is, and counts, times and logs its answer.
///
/// The log has the route template and neither path, query nor body: those may hold personal data.
async fn around(load: Arc<Load>, addressed: Arc<Addressed>, request: Request, next: Next) -> Response {
    // Given back also when the client goes away and this future is dropped.
    let _in_flight = load.request();
    let started = Instant::now();
    let method = http_metrics::method_label(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched".to_owned(), |path| path.as_str().to_owned());
    let (mut parts, body) = request.into_parts();
    let context = RequestContext::of(&parts);
    let request_id = context.request_id.clone();
    parts.extensions.insert(context);

    let span = tracing::info_span!("request", request_id, method, route);
    let answer = async {
        let response = as_problem(next.run(Request::from_parts(parts, body)).await);
        // Without a word on it some of our answers, 404 and 410 among them, may be kept for as long as a cache likes
        // (RFC 9111, 4.2.2).
        let response = cached(response, "no-store");
        let status = response.status().as_u16();
        let took = started.elapsed();
        http_metrics::answered(method, &route, status, took);
        log(&route, status, took);
        response
    };
    let mut response = CURRENT_REQUEST_ID
        .scope(request_id.clone(), answer)
        .instrument(span)
        .await;
    let value = HeaderValue::from_str(&request_id).expect("a request id is visible ASCII");
    response.headers_mut().insert(REQUEST_ID, value);
    addressed.sign(&mut response);
    response
}

/// Refuses what no handler should see.
async fn checked(known: Arc<KnownParameters>, request: Request, next: Next) -> Response {
    let checked = host::checked(request.version(), request.headers()).and_then(|()| known.check(&request));
    match checked {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Tells caches what an answer that says nothing of it wants of them.
fn cached(mut response: Response, directive: &'static str) -> Response {
    let headers = response.headers_mut();
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static(directive));
    response
}

/// Ends the waiting for a handler. Every wait of a handler has a bound of its own; this one is for those nobody has thought of.
async fn within(limits: Limits, request: Request, next: Next) -> Response {
    let is_query = request.method().is_safe();
    let timeout = if is_query {
        limits.query_timeout
    } else {
        limits.command_timeout
    };
    match tokio::time::timeout(timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) if is_query => given_up("ANSWER_TIMED_OUT", "the answer took too long").into_response(),
        Err(_elapsed) => {
            let detail = "no answer came in time, so the request may or may not have had its effect; \
                repeated with the same Idempotency-Key it has it once";
            given_up("OUTCOME_UNKNOWN", detail).into_response()
        }
    }
}

fn given_up(code: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(RETRY_AFTER)
}

fn log(route: &str, status: u16, took: Duration) {
    // A float of whole microseconds prints without a tail of digits.
    let duration_ms = took.as_micros() as f64 / 1000.0;
    if PROBES.contains(&route) {
        tracing::debug!(status, duration_ms, "answered");
    } else {
        tracing::info!(status, duration_ms, "answered");
    }
}

/// Errors that the libraries answer by themselves get the shape of all others.
fn as_problem(response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let shaped = response.headers().get(CONTENT_TYPE).is_some_and(|media_type| {
        let media_type = media_type.as_bytes();
        media_type.starts_with(PROBLEM_JSON.as_bytes()) || media_type.starts_with(b"application/json")
    });
    if !is_error || shaped {
        return response;
    }
    match status {
        StatusCode::NOT_FOUND => not_found(),
        StatusCode::METHOD_NOT_ALLOWED => method_not_allowed(),
        status if status.is_client_error() => Problem::new(status, "BAD_REQUEST", "the request cannot be understood"),
        _ => Problem::internal(),
    }
    .into_response()
}

fn not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "NOT_FOUND",
        "there is nothing at this path; /docs shows what there is",
    )
}

fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "METHOD_NOT_ALLOWED",
        "this path does not know the method; Allow lists those it knows",
    )
}

fn panicked(reason: Box<dyn Any + Send>) -> Response {
    let reason = reason
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| reason.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(reason, "a handler panicked");
    Problem::internal().into_response()
}
