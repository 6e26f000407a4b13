//! Whatever a client sends as a command, it is answered with a problem that says what is wrong, or gets as far as the store.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use event_store::{Connect, EventStore, StoreConfig};
use serde_json::Value;
use service::database::{self, PoolOptions};
use tower::ServiceExt;

use super::router;
use crate::execute::CommandApi;
use crate::idempotency::RequestHasher;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/commands");

/// An input is a line with method, path and content type, and the body.
#[test]
fn a_command_is_refused_for_what_is_wrong_with_it_or_reaches_the_store() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let routes = runtime.block_on(async { routes_without_a_store() });
    fuzz::fuzz(CORPUS, |input| {
        let Some(request) = request(input) else {
            return (0, String::new());
        };
        runtime.block_on(async {
            let response = routes.clone().oneshot(request).await.expect("infallible");
            let status = response.status().as_u16();
            let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
            if [404, 405].contains(&status) {
                return (status, String::new());
            }
            assert!([400, 413, 415, 422, 503].contains(&status), "{status}");
            let problem: Value = serde_json::from_slice(&body).expect("a problem");
            let first = &problem["errors"][0];
            (
                status,
                format!(
                    "{} {} {}",
                    problem["code"],
                    first["code"],
                    first["pointer"].as_str().map_or(0, str::len)
                ),
            )
        })
    });
}

/// The routes, with an event store that is away: nobody listens at the address, and there is no writer.
fn routes_without_a_store() -> axum::Router {
    let url = "postgres://nobody@127.0.0.1:1/nothing".parse().expect("a url");
    let options = PoolOptions {
        acquire_timeout: Duration::from_millis(1),
        ..PoolOptions::default()
    };
    let pool = database::pool(&url, options);
    let connect = Connect::new(database::connect_options(&url, "fuzz").into_function());
    let (store, _writer) = EventStore::new(pool, connect, StoreConfig::default());
    let hasher = RequestHasher::new("");
    router().with_state(CommandApi { store, hasher }).split_for_parts().0
}

fn request(input: &[u8]) -> Option<Request<Body>> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    let mut head = str::from_utf8(&input[..end]).ok()?.splitn(3, ' ');
    Request::builder()
        .method(head.next()?)
        .uri(head.next()?)
        .header(CONTENT_TYPE, head.next()?)
        .body(Body::from(input[end + 1..].to_vec()))
        .ok()
}
