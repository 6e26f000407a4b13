//! From the first request to the last, and what ends a process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use service::{Limits, ServeError, Service, Task};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::harness::{PATIENCE, start, start_within};

fn with_tasks(tasks: Vec<Task>) -> Service {
    Service {
        name: "shop",
        answers_for: vec!["shop"],
        router: OpenApiRouter::new(),
        checks: vec![],
        tasks,
    }
}

fn until_stopped(name: &'static str) -> Task {
    Task::new(name, |stop| async move {
        stop.cancelled().await;
        Ok(())
    })
}

#[tokio::test]
async fn it_ends_well_when_told_to_stop() {
    let served = start(vec![with_tasks(vec![until_stopped("loop")])]).await;
    assert_eq!(served.get("/livez").await.status(), 200);
    served.shutdown.cancel();
    served.end().await.unwrap();
}

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_tasks_are_stopped() {
    let (arrived, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let task_stopped = Arc::new(AtomicBool::new(false));
    let handler = {
        let (arrived, answer, task_stopped) = (arrived.clone(), answer.clone(), task_stopped.clone());
        move || async move {
            arrived.notify_one();
            answer.notified().await;
            task_stopped.load(Ordering::SeqCst).to_string()
        }
    };
    let task = {
        let task_stopped = task_stopped.clone();
        Task::new("writer", |stop: CancellationToken| async move {
            stop.cancelled().await;
            task_stopped.store(true, Ordering::SeqCst);
            Ok(())
        })
    };
    let router = OpenApiRouter::new().route("/slow", axum::routing::get(handler));
    let served = start(vec![Service {
        name: "shop",
        answers_for: vec!["shop"],
        router,
        checks: vec![],
        tasks: vec![task],
    }])
    .await;

    let request = tokio::spawn(served.request("GET", "/slow").send());
    arrived.notified().await;
    served.shutdown.cancel();
    // New connections are refused once the listener is closed; the request in flight is still open then.
    let address = served.url.trim_start_matches("http://").to_owned();
    let refused = async {
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
    answer.notify_one();
    assert_eq!(request.await.unwrap().unwrap().text().await.unwrap(), "false");
    served.end().await.unwrap();
    assert!(task_stopped.load(Ordering::SeqCst));
}

/// A service whose route `/slow` tells when a request has arrived, and answers it when told to.
fn slow(arrived: Arc<Notify>, answer: Arc<Notify>) -> Service {
    let handler = move || async move {
        arrived.notify_one();
        answer.notified().await;
    };
    Service {
        router: OpenApiRouter::new().route("/slow", axum::routing::get(handler)),
        ..with_tasks(vec![])
    }
}

#[tokio::test]
async fn a_connection_that_nobody_has_accepted_yet_is_answered_before_the_process_ends() {
    let (arrived, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let limits = Limits {
        connections_max: 1,
        ..Limits::default()
    };
    let served = start_within(limits, vec![slow(arrived.clone(), answer.clone())]).await;
    let first = tokio::spawn(served.request("GET", "/slow").send());
    arrived.notified().await;

    // It is connected for its client: the system has taken it, and the process has no room for it.
    let address = served.url.trim_start_matches("http://").to_owned();
    let mut second = tokio::net::TcpStream::connect(&address).await.unwrap();
    second
        .write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    served.shutdown.cancel();
    let refused = async {
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
    answer.notify_one();

    assert_eq!(first.await.unwrap().unwrap().status(), 200);
    let mut text = String::new();
    let read = second.read_to_string(&mut text);
    tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    served.end().await.unwrap();
}

#[tokio::test]
async fn a_task_that_ends_by_itself_ends_the_process_with_its_name() {
    let served = start(vec![with_tasks(vec![
        until_stopped("loop"),
        Task::new("short", |_| async { Ok(()) }),
    ])])
    .await;
    assert!(matches!(served.end().await, Err(ServeError::TaskEnded("short"))));
}

#[tokio::test]
async fn a_task_that_fails_ends_the_process_with_the_reason() {
    let served = start(vec![with_tasks(vec![Task::new("loop", |_| async {
        Err("no way".into())
    })])])
    .await;
    let error = served.end().await.unwrap_err();
    assert_eq!(error.to_string(), "the task loop failed");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no way");
}

#[tokio::test]
async fn a_task_that_panics_ends_the_process() {
    let served = start(vec![with_tasks(vec![Task::new("loop", |_| async {
        panic!("at once")
    })])])
    .await;
    assert!(matches!(served.end().await, Err(ServeError::TaskPanicked("loop"))));
}

#[tokio::test]
async fn a_task_that_fails_while_it_stops_is_told() {
    let failing = Task::new("loop", |stop: CancellationToken| async move {
        stop.cancelled().await;
        Err("not everything was written".into())
    });
    let served = start(vec![with_tasks(vec![failing])]).await;
    served.shutdown.cancel();
    assert!(matches!(
        served.end().await,
        Err(ServeError::TaskFailed { name: "loop", .. })
    ));
}
