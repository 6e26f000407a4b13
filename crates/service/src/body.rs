//! Reading a request's body: bounded in size and in time.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use http_body_util::BodyExt;

use crate::Problem;

/// The largest body that is accepted, 64 KiB.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// How much of a body that is too large is still taken in, so that a client that is writing it reads the answer.
const DISCARDED_BYTES_MAX: usize = 1024 * 1024;

/// How long a client may take to send its body.
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The body's bytes, whatever their meaning; an extractor.
///
/// Fails with 413 beyond [`BODY_BYTES_MAX`], 408 when the body is slow to come, 400 when it breaks off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Self::Rejection> {
        read_within(BODY_READ_TIMEOUT, request.into_body()).await.map(Self)
    }
}

async fn read_within(timeout: Duration, body: Body) -> Result<Bytes, Problem> {
    tokio::time::timeout(timeout, read(body))
        .await
        .unwrap_or_else(|_elapsed| Err(too_slow(timeout)))
}

async fn read(mut body: Body) -> Result<Bytes, Problem> {
    if body.size_hint().lower() > (BODY_BYTES_MAX + DISCARDED_BYTES_MAX) as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_broken| broken_off())?.into_data() else {
            continue;
        };
        length += data.len();
        if length <= BODY_BYTES_MAX {
            bytes.extend_from_slice(&data);
        } else if length > BODY_BYTES_MAX + DISCARDED_BYTES_MAX {
            break;
        }
    }
    if length > BODY_BYTES_MAX {
        Err(too_large())
    } else {
        Ok(bytes.into())
    }
}

fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "BODY_TOO_LARGE",
        format!("the body may have at most {BODY_BYTES_MAX} bytes"),
    )
}

fn too_slow(timeout: Duration) -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "BODY_TOO_SLOW",
        format!("the body did not arrive within {} seconds", timeout.as_secs()),
    )
}

fn broken_off() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "BODY_BROKEN_OFF",
        "the body ended before it was complete",
    )
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use axum::body::{Body, Bytes, HttpBody};
    use http_body_util::BodyExt;

    use super::read_within;

    struct NeverSent;

    impl HttpBody for NeverSent {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let problem = read_within(Duration::from_millis(10), Body::new(NeverSent.boxed()))
            .await
            .unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.code()), (408, "BODY_TOO_SLOW"));
    }
}
