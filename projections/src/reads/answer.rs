//! The answer of a query: JSON with the position it stands at and an entity tag.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use event_store::LogMark;
use serde::Serialize;
use service::Problem;
use sha2::{Digest, Sha256};

use crate::{ReadPosition, ReadWanted};

/// Response header: the answer includes everything up to this position.
pub(crate) const HEADER_READ_POSITION: &str = "read-position";
const ETAG_BYTES: usize = 12;

/// A query's answer. Becomes JSON with `Read-Position` and `ETag`, or 304 when the reader has it already.
#[derive(Debug)]
pub struct Answer<T> {
    if_none_match: Option<String>,
    position: ReadPosition,
    etag: Option<String>,
    body: T,
}

impl<T: Serialize> Answer<T> {
    /// Answers `wanted` with what was read at `position`. The entity tag is a hash of the body unless given, and with it the
    /// mark of the log: what was seen of a history that is lost is not what is there now.
    pub fn new(wanted: &ReadWanted, position: ReadPosition, body: T) -> Self {
        Self {
            if_none_match: wanted.if_none_match.clone(),
            position,
            etag: None,
            body,
        }
    }

    /// Sets the entity tag, without quotes and mark; visible ASCII without quotes or backslashes.
    #[must_use]
    pub fn etag(self, etag: impl ToString) -> Self {
        Self {
            etag: Some(etag.to_string()),
            ..self
        }
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let json = match serde_json::to_vec(&self.body) {
            Ok(json) => json,
            Err(error) => {
                tracing::error!(%error, "an answer could not be written as JSON");
                return Problem::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "INTERNAL_ERROR",
                    "the answer could not be written",
                )
                .into_response();
            }
        };
        let etag = self
            .etag
            .unwrap_or_else(|| URL_SAFE_NO_PAD.encode(&Sha256::digest(&json)[..ETAG_BYTES]));
        let etag = format!("\"{etag}-{}\"", LogMark::of(self.position.log_id.unwrap_or_default()));
        let known = self.if_none_match.is_some_and(|tags| matches(&tags, &etag));
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, "application/json")], json).into_response()
        };
        let headers = response.headers_mut();
        headers.insert(HEADER_READ_POSITION, HeaderValue::from(self.position.position.0));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        if let Ok(etag) = HeaderValue::from_str(&etag) {
            headers.insert(header::ETAG, etag);
        }
        response
    }
}

/// Weak comparison of RFC 9110, 8.8.3.2: `W/` does not matter, `*` is any.
fn matches(if_none_match: &str, etag: &str) -> bool {
    if_none_match
        .split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    use domain::Position;

    use uuid::Uuid;

    use super::Answer;
    use crate::{ReadPosition, ReadWanted};

    fn at(log_id: u128) -> ReadPosition {
        ReadPosition {
            position: Position(7),
            log_id: Some(Uuid::from_u128(log_id << 96)),
        }
    }

    fn status(if_none_match: Option<&str>) -> (StatusCode, String) {
        let wanted = ReadWanted {
            if_none_match: if_none_match.map(str::to_owned),
            ..ReadWanted::default()
        };
        let response = Answer::new(&wanted, at(1), "body").into_response();
        assert_eq!(response.headers()["read-position"], "7");
        (
            response.status(),
            response.headers()["etag"].to_str().expect("ASCII").to_owned(),
        )
    }

    #[test]
    fn an_answer_the_reader_has_is_304() {
        let (first, etag) = status(None);
        assert_eq!(first, StatusCode::OK);
        for tags in [
            etag.clone(),
            format!("W/{etag}"),
            format!("\"other\", {etag}"),
            "*".into(),
        ] {
            assert_eq!(status(Some(&tags)), (StatusCode::NOT_MODIFIED, etag.clone()), "{tags}");
        }
    }

    #[test]
    fn the_same_answer_from_another_log_has_another_tag() {
        let tag = |log_id| {
            let answer = Answer::new(&ReadWanted::default(), at(log_id), "body")
                .etag(3)
                .into_response();
            answer.headers()["etag"].to_str().expect("ASCII").to_owned()
        };
        assert_eq!((tag(1), tag(2)), ("\"3-00000001\"".into(), "\"3-00000002\"".into()));
    }

    #[test]
    fn another_answer_is_sent_in_full() {
        assert_eq!(status(Some("\"other\"")).0, StatusCode::OK);
    }
}
