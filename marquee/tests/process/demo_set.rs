//! The first start and the second, and first starts that are broken off.

use std::collections::BTreeMap;

use e2e::until;
use reqwest::Method;
use serde_json::Value;
use sqlx::{Executor, PgConnection};

use crate::child::Process;
use crate::deployment::Deployment;
use crate::log::{events_by_type, head};
use crate::nobody::Nobody;
use crate::up::Up;

const LOADED: &str = "The demo set is loaded: 40 movies, 12 cinemas, 5 users.";

/// Does what a shell would do with the rest of a line that begins with `curl`: none of its words has a space in it.
async fn curl(words: &str) -> (u16, Value) {
    let mut words = words.split(' ').map(|word| word.trim_matches('"'));
    let (mut method, mut url, mut body) = (Method::GET, "", None);
    while let Some(word) = words.next() {
        match word {
            "-d" => body = words.next(),
            "-X" => method = words.next().expect("a method").parse().expect("a method"),
            other => url = other,
        }
    }
    let mut request = reqwest::Client::new().request(method, url);
    if let Some(body) = body {
        let form = "application/x-www-form-urlencoded";
        request = request.header("content-type", form).body(body.to_owned());
    }
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

#[tokio::test]
async fn the_first_start_loads_the_demo_set_and_greets_and_the_second_finds_its_data() {
    let deployment = Deployment::create().await;
    let mut first = deployment.marquee(&[]);
    // A proxy is for the world outside: it is not asked for what runs on this machine.
    let nobody = Nobody::take();
    first.env("http_proxy", format!("http://{}", nobody.address()));
    first.env_remove("no_proxy").env_remove("NO_PROXY");
    let up = Up::start(first).await;
    assert!(up.greeting.contains(LOADED), "{}", up.greeting);
    assert!(
        up.url.starts_with("http://127.0.0.1:") && !up.url.ends_with(":0"),
        "{}",
        up.url
    );

    let requests = up.requests();
    assert_eq!(
        requests[0],
        format!(r#"-d "full_name=usama" -X POST {}/users/1"#, up.url)
    );
    let (status, user) = curl(&requests[0]).await;
    assert_eq!((status, user["full_name"].as_str()), (201, Some("usama")));
    assert_eq!(requests.len(), 3);
    for request in &requests[1..] {
        let (status, list) = curl(request).await;
        assert_eq!(status, 200, "{request}");
        assert!(
            list["items"].as_array().is_some_and(|items| !items.is_empty()),
            "{request}: {list}"
        );
    }
    let mut event_store = deployment.event_store().await.expect("the event store");
    let events = events_by_type(&mut event_store).await;
    up.stop("INT").await;

    let again = Up::start(deployment.marquee(&["up"])).await;
    assert!(!again.greeting.contains("The demo set"), "{}", again.greeting);
    assert_eq!(events_by_type(&mut event_store).await, events);
    assert_eq!(again.client.get("/users/1").await.accepted().body["full_name"], "usama");
    again.stop("TERM").await;
}

/// Makes every append beyond a position wait.
struct Barrier(PgConnection);

impl Barrier {
    /// Some number that nothing else locks.
    const LOCK: i64 = 7_415_962;

    async fn after(position: i64, deployment: &Deployment) -> Self {
        let mut holder = deployment.event_store().await.expect("the event store");
        let lock = Self::LOCK;
        let raise = format!(
            "SELECT pg_advisory_lock({lock});
            CREATE OR REPLACE FUNCTION wait_at_barrier() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN PERFORM pg_advisory_xact_lock({lock}); RETURN NEW; END';
            CREATE TRIGGER barrier BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.position > {position})
                EXECUTE FUNCTION wait_at_barrier();"
        );
        holder.execute(raise.as_str()).await.expect("the barrier");
        Self(holder)
    }

    /// Lets go what waits, and everything after it.
    async fn remove(mut self) {
        let lock = Self::LOCK;
        let remove = format!("SELECT pg_advisory_unlock({lock}); DROP TRIGGER barrier ON events;");
        self.0.execute(remove.as_str()).await.expect("removed");
    }
}

#[tokio::test]
async fn a_demo_set_half_loaded_at_the_end_of_a_process_is_completed_by_the_next() {
    let deployment = Deployment::create().await;
    let migrated = Process::start(deployment.marquee(&["migrate"])).ended().await;
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    let mut event_store = deployment.event_store().await.expect("the event store");

    // Interrupted: that is no failure.
    let barrier = Barrier::after(10, &deployment).await;
    let mut interrupted = Process::start(deployment.marquee(&["--log", "info"]));
    until("the first movies are there", async || head(&mut event_store).await > 0).await;
    interrupted.signal("INT").await;
    interrupted
        .says("that it is stopping", |line| line.contains("stopping").then_some(()))
        .await;
    barrier.remove().await;
    let ended = interrupted.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let half = head(&mut event_store).await;
    assert!((1..40).contains(&half), "it had not come to the cinemas: {half}");

    // Killed: what is on its way may still get into the log.
    let barrier = Barrier::after(half + 10, &deployment).await;
    let killed = Process::start(deployment.marquee(&[]));
    until("more is loaded", async || head(&mut event_store).await > half).await;
    killed.kill().await;
    barrier.remove().await;

    let up = Up::start(deployment.marquee(&[])).await;
    assert!(up.greeting.contains(LOADED), "{}", up.greeting);
    let expected = [
        ("cinema.opened", 12),
        ("cinema.programme.movie_added", 12 * 9),
        ("movie.announced", 40),
        ("user.created", 5),
        ("user.roles.granted", 6),
    ];
    let expected: BTreeMap<String, i64> = expected.map(|(event, count)| (event.to_owned(), count)).into();
    assert_eq!(events_by_type(&mut event_store).await, expected);
    let head = head(&mut event_store).await;
    for (list, count) in [
        ("/movies?limit=100", 40),
        ("/users?limit=100", 5),
        ("/cities?limit=100", 5),
    ] {
        let answer = up.client.get_at(list, head).await.accepted();
        assert_eq!(answer.body["items"].as_array().map(Vec::len), Some(count), "{list}");
    }
}
