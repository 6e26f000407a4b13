//! A query whose session was lost on the way is answered once more: nobody hears that the database was restarted.
//!
//! The connection may have died at any statement of the query, and what was read before it is of no use then. So the whole request
//! is repeated, which for a GET changes nothing.

use std::cell::Cell;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use session::is_lost;

tokio::task_local! {
    /// Whether the request that this task answers has lost its session.
    static LOST: Cell<bool>;
}

/// Notes that the request at hand failed because its session was lost, if it did.
pub(crate) fn note(error: &sqlx::Error) {
    if is_lost(error) {
        // Who answers no request is not to be repeated.
        let _unheard = LOST.try_with(|lost| lost.set(true));
    }
}

/// Answers a GET, and once more where its session was lost.
pub(crate) async fn once_more(request: Request, next: Next) -> Response {
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let again = parts.clone();
    let first = next.clone().run(Request::from_parts(parts, body));
    let answering = async {
        let answer = first.await;
        (answer, LOST.with(Cell::get))
    };
    let (answer, is_lost) = LOST.scope(Cell::new(false), answering).await;
    if is_lost && answer.status() == StatusCode::SERVICE_UNAVAILABLE {
        return next.run(Request::from_parts(again, Body::empty())).await;
    }
    answer
}
