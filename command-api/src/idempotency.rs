//! `Idempotency-Key`: reading it, telling requests under the same key apart, and forgetting old keys.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use event_store::{EventStore, StoreError};
use hmac::{Hmac, KeyInit, Mac};
use service::{FieldError, Problem};
use sha2::Sha256;
use tokio_util::sync::CancellationToken;

use crate::conditional::joined;
use crate::metric;

const HEADER: &str = "idempotency-key";
const KEY_LENGTH_MAX: usize = 255;

/// How often old keys are looked for.
const FORGET_INTERVAL: Duration = Duration::from_secs(600);
/// How many keys are deleted in one transaction.
const FORGET_BATCH_KEYS: u32 = 1000;

/// Reads the header: 1 to 255 visible ASCII characters.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let (value, second) = (values.next(), values.next());
    let Some(value) = value else {
        return Ok(None);
    };
    let bytes = value.as_bytes();
    let acceptable = (1..=KEY_LENGTH_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    if second.is_some() || !acceptable {
        let detail = format!("must be given once, with 1 to {KEY_LENGTH_MAX} visible ASCII characters");
        let problem = Problem::new(
            StatusCode::BAD_REQUEST,
            "INVALID_IDEMPOTENCY_KEY",
            format!("Idempotency-Key {detail}"),
        );
        return Err(problem.with_error(FieldError::new("/Idempotency-Key", "INVALID_VALUE", detail)));
    }
    Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
}

/// Hashes what makes two requests the same: method, path, conditions and body, byte for byte.
///
/// Keyed, as a plain hash of a short body could be found by trying names and addresses.
#[derive(Clone)]
pub(crate) struct RequestHasher(Hmac<Sha256>);

impl RequestHasher {
    pub(crate) fn new(secret: &str) -> Self {
        Self(Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length"))
    }

    pub(crate) fn hash(&self, request: &Parts, body: &Bytes) -> Vec<u8> {
        let if_match = joined(&request.headers, &IF_MATCH).unwrap_or_default();
        let if_none_match = joined(&request.headers, &IF_NONE_MATCH);
        let parts = [
            request.method.as_str().as_bytes(),
            request.uri.path().as_bytes(),
            &if_match,
            body,
        ];
        let mut mac = self.0.clone();
        // Without the last part a request has the hash that earlier versions have recorded for it.
        for part in parts.into_iter().chain(if_none_match.as_deref()) {
            // Each part with its length: parts must not be able to trade bytes.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().to_vec()
    }
}

/// Forgets keys older than `age`, now and every ten minutes, until it is stopped. A failure waits for the next time.
pub(crate) async fn forget_old_keys(store: EventStore, age: Duration, stop: CancellationToken) {
    let mut interval = tokio::time::interval(FORGET_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if let Some(Err(error)) = stop.run_until_cancelled(forget_all_older(&store, age)).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "old idempotency keys could not be forgotten"
            );
        }
    }
}

/// One iteration: batch by batch, so that no transaction holds many locks.
async fn forget_all_older(store: &EventStore, age: Duration) -> Result<(), StoreError> {
    loop {
        let forgotten = store.forget_idempotency_keys(age, FORGET_BATCH_KEYS).await?;
        metrics::counter!(metric::IDEMPOTENCY_KEYS_FORGOTTEN).increment(forgotten);
        if forgotten < u64::from(FORGET_BATCH_KEYS) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use axum::http::{HeaderMap, Request};

    use super::{HEADER, RequestHasher, key};

    fn hash(secret: &str, method: &str, path: &str, if_match: &str, body: &'static str) -> Vec<u8> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("if-match", if_match)
            .body(())
            .unwrap();
        RequestHasher::new(secret).hash(&request.into_parts().0, &Bytes::from(body))
    }

    #[test]
    fn the_hash_depends_on_every_part_and_on_the_secret() {
        let same = || hash("s", "POST", "/users/1", "\"1\"", "{}");
        assert_eq!(same(), same());
        for other in [
            hash("t", "POST", "/users/1", "\"1\"", "{}"),
            hash("s", "PUT", "/users/1", "\"1\"", "{}"),
            hash("s", "POST", "/users/2", "\"1\"", "{}"),
            hash("s", "POST", "/users/1", "\"2\"", "{}"),
            hash("s", "POST", "/users/1", "\"1\"", "{ }"),
            hash("s", "POST", "/users/1", "\"1\"{", "}"),
        ] {
            assert_ne!(same(), other);
        }
    }

    #[test]
    fn the_hash_depends_on_both_conditions() {
        let hash = |conditions: &[(&str, &str)]| {
            let mut request = Request::builder().method("POST").uri("/users/1");
            for (name, value) in conditions {
                request = request.header(*name, *value);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            RequestHasher::new("s").hash(&parts, &Bytes::from("{}"))
        };
        let hashes = [
            hash(&[]),
            hash(&[("if-match", "*")]),
            hash(&[("if-none-match", "*")]),
            hash(&[("if-none-match", "")]),
            hash(&[("if-match", "\"1\"")]),
            hash(&[("if-match", "\"1\""), ("if-match", "\"2\"")]),
        ];
        let distinct: std::collections::HashSet<&Vec<u8>> = hashes.iter().collect();
        assert_eq!(distinct.len(), hashes.len());
        assert_eq!(
            hash(&[("if-match", "\"1\""), ("if-match", "\"2\"")]),
            hash(&[("if-match", "\"1\", \"2\"")]),
            "the same list"
        );
    }

    #[test]
    fn a_key_is_1_to_255_visible_ascii_characters() {
        let read = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, value.try_into().unwrap());
            key(&headers).map_err(|problem| problem.code())
        };
        assert_eq!(read(b"a"), Ok(Some("a".to_owned())));
        assert_eq!(read("k".repeat(255).as_bytes()), Ok(Some("k".repeat(255))));
        for malformed in ["", "a b", "\u{e4}", &"k".repeat(256)] {
            assert_eq!(
                read(malformed.as_bytes()),
                Err("INVALID_IDEMPOTENCY_KEY"),
                "{malformed}"
            );
        }
        assert_eq!(key(&HeaderMap::new()).map_err(|problem| problem.code()), Ok(None));
    }
}
