//! Clients that send slowly, read slowly or go away hold nothing: connections and requests in flight go back to none.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures::StreamExt;
use service::{Limits, RawBody, Service, serve_within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};
use utoipa_axum::router::OpenApiRouter;

/// How long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// A bound that is to be reached in a test.
const SHORT: Duration = Duration::from_millis(300);
/// A bound that is not: longer than the patience of a test.
const LONG: Duration = Duration::from_secs(120);

const UNREACHED: Limits = Limits {
    connections_max: 64,
    head_read_timeout: LONG,
    answer_write_timeout: LONG,
    query_timeout: LONG,
    command_timeout: LONG,
};

struct Served {
    address: String,
    /// Told when a handler that never answers has begun.
    begun: Arc<Notify>,
    _stop: DropGuard,
}

/// Serves a handler of each kind that a client can hold up.
async fn serve(limits: Limits) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let begun = Arc::new(Notify::new());
    let never = {
        let begun = begun.clone();
        move || async move {
            begun.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let events = || async {
        let ticks = futures::stream::repeat_with(|| {
            Ok::<_, std::convert::Infallible>(Event::default().data("x".repeat(65_536)))
        });
        Sse::new(ticks.chain(futures::stream::pending())).keep_alive(KeepAlive::default())
    };
    let quiet_events = || async {
        let one = futures::stream::iter([Ok::<_, std::convert::Infallible>(Event::default().data("one"))]);
        Sse::new(one.chain(futures::stream::pending())).keep_alive(KeepAlive::new().interval(SHORT))
    };
    let router = OpenApiRouter::new()
        .route("/never", axum::routing::get(never.clone()).post(never))
        .route("/large", axum::routing::get(|| async { vec![b'x'; 64 * 1024 * 1024] }))
        .route("/events", axum::routing::get(events))
        .route("/quiet-events", axum::routing::get(quiet_events))
        .route(
            "/body",
            axum::routing::post(|RawBody(body): RawBody| async move { body.len().to_string() }),
        );
    let service = Service {
        name: "shop",
        answers_for: vec!["shop"],
        router,
        checks: vec![],
        tasks: vec![],
    };
    let shutdown = CancellationToken::new();
    tokio::spawn(serve_within(limits, listener, vec![service], shutdown.clone()));
    Served {
        address,
        begun,
        _stop: shutdown.drop_guard(),
    }
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// One request on a connection of its own.
    async fn get(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n");
        rest_of(self.send(&request).await).await
    }

    /// Connections and requests in flight, those of the asking itself left out.
    async fn held(&self) -> (i64, i64) {
        let metrics = self.get("/metrics").await;
        let gauge = |name: &str| {
            let line = format!("{name}{{address=\"{}\"}} ", self.address);
            let value = metrics.lines().find_map(|text| text.strip_prefix(&line)).unwrap();
            value.parse::<i64>().unwrap() - 1
        };
        (
            gauge("marquee_http_connections"),
            gauge("marquee_http_requests_in_flight"),
        )
    }

    async fn holds(&self, connections: i64, in_flight: i64) {
        let reached = async {
            while self.held().await != (connections, in_flight) {
                tokio::task::yield_now().await;
            }
        };
        if tokio::time::timeout(PATIENCE, reached).await.is_err() {
            panic!("{:?} are held", self.held().await);
        }
    }
}

/// What comes until the server closes the connection.
async fn rest_of(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is reset has been closed too.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_given_up() {
    let served = serve(Limits {
        head_read_timeout: SHORT,
        ..UNREACHED
    })
    .await;
    let (reading, mut writing) = served.connect().await.into_split();
    let trickle = tokio::spawn(async move {
        let mut pace = tokio::time::interval(SHORT / 10);
        // Until the connection is closed.
        while writing.write_all(b"G").await.is_ok() {
            pace.tick().await;
        }
    });
    tokio::time::timeout(PATIENCE, trickle).await.unwrap().unwrap();
    drop(reading);
    served.holds(0, 0).await;
}

#[tokio::test]
async fn a_connection_on_which_nothing_comes_is_given_up_before_and_after_a_request() {
    let served = serve(Limits {
        head_read_timeout: SHORT,
        ..UNREACHED
    })
    .await;
    assert_eq!(rest_of(served.connect().await).await, "");
    let answer = rest_of(served.send("GET /livez HTTP/1.1\r\nhost: here\r\n\r\n").await).await;
    assert!(answer.ends_with("alive\n"), "{answer}");
    served.holds(0, 0).await;
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_given_up_with_408() {
    let served = serve(UNREACHED).await;
    let head = "POST /body HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-length: 60000\r\n\r\n";
    let (reading, mut writing) = served.send(head).await.into_split();
    let trickle = tokio::spawn(async move {
        let mut pace = tokio::time::interval(SHORT);
        while writing.write_all(b"x").await.is_ok() {
            pace.tick().await;
        }
        writing
    });
    let mut answer = String::new();
    let mut reading = reading;
    let _ = tokio::time::timeout(PATIENCE, reading.read_to_string(&mut answer))
        .await
        .unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 408 ") && answer.contains("BODY_TOO_SLOW"),
        "{answer}"
    );
    drop(reading);
    trickle.abort();
    served.holds(0, 0).await;
}

#[tokio::test]
async fn an_answer_that_is_not_read_is_broken_off() {
    let served = serve(Limits {
        answer_write_timeout: SHORT,
        ..UNREACHED
    })
    .await;
    for path in ["/large", "/events"] {
        let idle = served.send(&format!("GET {path} HTTP/1.1\r\nhost: here\r\n\r\n")).await;
        served.holds(0, 0).await;
        drop(idle);
    }
}

#[tokio::test]
async fn an_answer_that_is_read_byte_by_byte_is_broken_off() {
    let served = serve(Limits {
        answer_write_timeout: SHORT,
        ..UNREACHED
    })
    .await;
    let mut slow = served.send("GET /large HTTP/1.1\r\nhost: here\r\n\r\n").await;
    let trickle = tokio::spawn(async move {
        let mut pace = tokio::time::interval(SHORT / 10);
        let mut some = [0; 4096];
        while slow.read(&mut some).await.is_ok_and(|length| length > 0) {
            pace.tick().await;
        }
    });
    served.holds(0, 0).await;
    trickle.abort();
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_request_along() {
    let served = serve(UNREACHED).await;
    for request in [
        "GET /never HTTP/1.1\r\nhost: here\r\n\r\n",
        "POST /never HTTP/1.1\r\nhost: here\r\ncontent-length: 0\r\n\r\n",
    ] {
        let stream = served.send(request).await;
        tokio::time::timeout(PATIENCE, served.begun.notified()).await.unwrap();
        served.holds(1, 1).await;
        drop(stream);
        served.holds(0, 0).await;
    }
    // In the middle of a head, of a body, and of an answer.
    for part in [
        "GET /ne",
        "POST /body HTTP/1.1\r\nhost: here\r\ncontent-length: 100\r\n\r\nabc",
        "GET /large HTTP/1.1\r\nhost: here\r\n\r\n",
        "GET /events HTTP/1.1\r\nhost: here\r\n\r\n",
        "GET /quiet-events HTTP/1.1\r\nhost: here\r\n\r\n",
    ] {
        let mut stream = served.send(part).await;
        if part.starts_with("GET /") && part.ends_with("\r\n\r\n") {
            stream.read_exact(&mut [0; 12]).await.unwrap();
        }
        drop(stream);
    }
    served.holds(0, 0).await;
}

#[tokio::test]
async fn a_handler_that_does_not_come_to_an_end_is_given_up() {
    let served = serve(Limits {
        query_timeout: SHORT,
        command_timeout: SHORT,
        ..UNREACHED
    })
    .await;
    for (method, code) in [("GET", "ANSWER_TIMED_OUT"), ("POST", "OUTCOME_UNKNOWN")] {
        let request =
            format!("{method} /never HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        let answer = rest_of(served.send(&request).await).await;
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains(code), "{answer}");
        assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    }
    served.holds(0, 0).await;
}

#[tokio::test]
async fn no_more_than_the_most_connections_are_served_and_the_others_come_in_turn() {
    let served = serve(Limits {
        connections_max: 2,
        ..UNREACHED
    })
    .await;
    let never = "GET /never HTTP/1.1\r\nhost: here\r\n\r\n";
    let held = [served.send(never).await, served.send(never).await];
    for _ in &held {
        tokio::time::timeout(PATIENCE, served.begun.notified()).await.unwrap();
    }
    let third = served
        .send("GET /metrics HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
        .await;
    let [first, second] = held;
    drop(first);
    let metrics = rest_of(third).await;
    let connections = format!("marquee_http_connections{{address=\"{}\"}} 2\n", served.address);
    assert!(
        metrics.contains(&connections),
        "the third has taken the place of the first: {metrics}"
    );
    drop(second);
}
