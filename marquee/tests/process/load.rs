//! `marquee load` against running services, and against one that answers badly.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::child::{Process, marquee};
use crate::deployment::Deployment;
use crate::log::events_by_type;
use crate::nobody::Nobody;
use crate::told::{ended, told};
use crate::up::Up;

#[tokio::test]
async fn a_load_is_accepted_as_a_whole_and_shows_its_figures() {
    let deployment = Deployment::create().await;
    let up = Up::start(deployment.marquee(&["--no-demo"])).await;
    let load = ["load", "--rate", "50", "--for", "8s"];
    let first = told(&deployment, &[&load[..], &["--json"]].concat()).await;
    let said = first.said_with(0);
    assert!(said.contains("accepted/s") && said.contains("in flight"), "{said}");
    let first = first.json();
    assert_eq!(
        (&first["commands"], &first["errors"], &first["refused"], &first["busy"]),
        (&json!(400), &json!({}), &json!({}), &json!({})),
        "{first}"
    );
    let count = |name: &str| first[name].as_u64().expect("a count");
    assert_eq!(count("accepted") + count("late"), 400, "{first}");
    assert!(first["latency_ms"]["p50"].as_f64() <= first["latency_ms"]["max"].as_f64());
    assert!(first["lag_events"].is_u64(), "{first}");

    let mut event_store = deployment.event_store().await.expect("the event store");
    let events = events_by_type(&mut event_store).await;
    assert_eq!(
        events.values().sum::<i64>(),
        first["accepted"].as_i64().expect("a count")
    );
    for event in [
        "user.created",
        "user.logged_in",
        "movie.premiere.rescheduled",
        "cinema.programme.movie_added",
    ] {
        assert!(events.contains_key(event), "{event}: {events:?}");
    }

    // The same seed once more: its ids are others.
    let second = told(&deployment, &load).await.said_with(0);
    for words in [" commands in ", "COMMANDS", "a second of 50", "P99", "yet to apply: "] {
        assert!(second.contains(words), "{words}: {second}");
    }
    let is_none = |line: &str| line.starts_with("refused") || line.starts_with("error");
    assert!(!second.lines().any(is_none), "{second}");
    up.stop("INT").await;
}

#[tokio::test]
async fn without_an_end_it_goes_on_until_it_is_told_to_stop_and_says_what_it_came_to() {
    let deployment = Deployment::create().await;
    let up = Up::start(deployment.marquee(&["--no-demo"])).await;
    let mut endless = marquee(&["load", "--json"]);
    endless.env("MARQUEE_HOME", deployment.home.path());
    let mut endless = Process::start(endless);
    endless
        .says("a live line", |line| {
            line.trim_start().starts_with("0:01 ").then_some(())
        })
        .await;
    endless.signal("INT").await;
    let ended = endless.ended().await;
    ended.said_with(0);
    let summary = ended.json();
    assert!(summary["accepted"].as_u64() > Some(0), "{summary}");
    assert_eq!((&summary["rate"], &summary["errors"]), (&json!(50), &json!({})));
    up.stop("INT").await;
}

#[tokio::test]
async fn the_load_does_not_notice_that_every_projection_is_rebuilt() {
    let deployment = Deployment::create().await;
    let up = Up::start(deployment.marquee(&["up"])).await;
    let mut load = marquee(&["load", "--json"]);
    load.env("MARQUEE_HOME", deployment.home.path());
    let mut load = Process::start(load);
    let live_line = |line: &str| line.trim_start().starts_with("0:01 ").then_some(());
    load.says("a live line", live_line).await;
    for name in ["users", "movies", "catalog"] {
        let rebuilt = told(&deployment, &["projections", "rebuild", name, "--yes"]).await;
        let said = rebuilt.said_with(0);
        assert!(said.contains("No differences"), "{said}");
    }
    load.signal("INT").await;
    let ended = load.ended().await;
    ended.said_with(0);
    let summary = ended.json();
    assert_eq!(
        (&summary["errors"], &summary["refused"]),
        (&json!({}), &json!({})),
        "{summary}"
    );
    told(&deployment, &["verify"]).await.said_with(0);
    up.stop("INT").await;
}

#[tokio::test]
async fn what_cannot_be_loaded_is_told() {
    let nobody = Nobody::take();
    let url = format!("http://{}", nobody.address());
    let away = ended(marquee(&["load", "--url", &url])).await.said_with(1);
    assert!(away.contains(&url) && away.contains("nothing answers"), "{away}");
    for (argument, value) in [
        ("--rate", "0"),
        ("--for", "30"),
        ("--for", "0s"),
        ("--connections", "0"),
        ("--seed", "x"),
    ] {
        let refused = ended(marquee(&["load", argument, value])).await.said_with(64);
        assert!(refused.contains(argument), "{refused}");
    }
}

/// A service that answers each request as it is told, by the number of the command and how often it was sent before.
struct Scripted {
    address: SocketAddr,
    /// How often each command came, by its key.
    sent: Arc<Mutex<HashMap<String, u32>>>,
}

impl Scripted {
    /// `answer` gives status line and headers; none closes the connection instead.
    async fn start(answer: impl Fn(u64, u32) -> Option<&'static str> + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let sent = Arc::new(Mutex::new(HashMap::new()));
        let seen = sent.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer.clone(), seen.clone()));
            }
        });
        Self { address, sent }
    }

    /// Loads it with 50 commands a second for two seconds.
    async fn load(&self, arguments: &[&str], code: i32) -> Value {
        let url = format!("http://{}", self.address);
        let load = ["load", "--url", &url, "--for", "2s", "--json"];
        let load = ended(marquee(&[&load[..], arguments].concat())).await;
        load.said_with(code);
        load.json()
    }
}

/// Answers one request, and closes.
async fn serve(
    stream: TcpStream,
    answer: impl Fn(u64, u32) -> Option<&'static str>,
    seen: Arc<Mutex<HashMap<String, u32>>>,
) {
    let mut stream = BufReader::new(stream);
    let (mut key, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or_default() <= "\r\n".len() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ") {
            match name.to_ascii_lowercase().as_str() {
                "idempotency-key" => key = Some(value.trim().to_owned()),
                "content-length" => length = value.trim().parse().expect("a length"),
                _ => {}
            }
        }
    }
    let mut body = vec![0; length];
    if stream.read_exact(&mut body).await.is_err() {
        return;
    }
    let head = match key {
        Some(key) => {
            let number = key
                .rsplit('-')
                .next()
                .and_then(|number| number.parse().ok())
                .expect("a number");
            let before = {
                let mut seen = seen.lock().expect("nobody panics with it");
                let count = seen.entry(key).or_default();
                *count += 1;
                *count - 1
            };
            answer(number, before)
        }
        None => Some("200 OK"),
    };
    if let Some(head) = head {
        let response = format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        // Whoever has gone needs no answer.
        let _ = stream.write_all(response.as_bytes()).await;
    }
}

#[tokio::test]
async fn what_is_not_answered_is_sent_again_with_its_key_and_errors_are_told_from_refusals() {
    let service = Scripted::start(|number, before| match (number % 10, before) {
        (0, 0) => None,
        (1, _) => Some("503 Service Unavailable\r\nretry-after: 1"),
        (2, _) => Some("409 Conflict"),
        _ => Some("200 OK"),
    })
    .await;
    let fine = service.load(&[], 0).await;
    for (name, value) in [
        ("commands", json!(100)),
        ("accepted", json!(80)),
        ("busy", json!({"HTTP 503": 10})),
        ("refused", json!({"HTTP 409": 10})),
        ("errors", json!({})),
        ("late", json!(0)),
        ("sent_again", json!(10)),
    ] {
        assert_eq!(fine[name], value, "{name}: {fine}");
    }
    let sent = service.sent.lock().expect("nobody panics with it").clone();
    assert_eq!((sent.len(), sent.values().sum::<u32>()), (100, 110));
    let runs: HashSet<&str> = sent.keys().filter_map(|key| Some(key.rsplit_once('-')?.0)).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");

    let service = Scripted::start(|number, _| (number % 50 > 0).then_some("500 Internal Server Error")).await;
    let failing = service.load(&[], 1).await;
    let errors = json!({"HTTP 500": 98, "connection lost": 2});
    assert_eq!(
        (&failing["errors"], &failing["sent_again"]),
        (&errors, &json!(6)),
        "{failing}"
    );
    assert_eq!(failing["latency_ms"]["p50"], Value::Null, "nothing was accepted");
}

#[tokio::test]
async fn commands_that_find_no_connection_in_time_are_counted_as_late() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            if silent.is_empty() {
                // The first one only looks whether somebody is there.
                serve(stream, |_, _| None, Arc::default()).await;
                silent.push(None);
            } else {
                silent.push(Some(stream));
            }
        }
    });
    let url = format!("http://{address}");
    let load = ["load", "--url", &url, "--for", "2s", "--connections", "1", "--json"];
    let load = ended(marquee(&load)).await;
    load.said_with(1);
    let load = load.json();
    assert_eq!(load["late"], 99, "{load}");
    assert_eq!(load["errors"], json!({"not answered before the end": 1}), "{load}");
}
