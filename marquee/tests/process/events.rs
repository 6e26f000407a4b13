//! `marquee events`: the log as it grows, one stream and its state, and the way of one request.

use e2e::until;
use serde_json::{Value, json};

use crate::child::{Ended, Process, marquee};
use crate::deployment::Deployment;
use crate::nobody::Nobody;
use crate::told::{ended, told};
use crate::up::Up;

/// A deployment that runs, with a user of two events and one of one.
async fn two_users() -> (Deployment, Up) {
    let deployment = Deployment::create().await;
    let up = Up::start(deployment.marquee(&["up", "--no-demo"])).await;
    name(&up, "1", "usama", "first-request").await;
    up.client
        .post("/users", json!({"id": "2", "full_name": "ada"}))
        .await
        .accepted();
    (deployment, up)
}

/// Names a user in a request of this id, and waits until the read model has it.
async fn name(up: &Up, id: &str, full_name: &str, request_id: &str) {
    let path = format!("/users/{id}");
    let request = up.client.request(reqwest::Method::POST, &path);
    let request = request
        .header("request-id", request_id)
        .header("idempotency-key", request_id);
    let answer = request
        .json(&json!({"full_name": full_name}))
        .send()
        .await
        .expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    up.client
        .get_at(&path, answer["position"].as_i64().expect("a position"))
        .await
        .accepted();
}

fn objects(ended: &Ended) -> Vec<Value> {
    ended.said_with(0);
    let lines = ended.said.iter().map(|line| serde_json::from_str(line).expect("JSON"));
    lines.collect()
}

fn of_each<'a>(objects: &'a [Value], field: &str) -> Vec<&'a Value> {
    objects.iter().map(|object| &object[field]).collect()
}

#[tokio::test]
async fn the_tail_shows_the_last_events_and_those_asked_for() {
    let (deployment, _up) = two_users().await;
    let tail = async |arguments: &[&str]| {
        let all = [&["events", "tail", "--no-follow", "--json"], arguments].concat();
        objects(&told(&deployment, &all).await)
    };
    let all = tail(&[]).await;
    assert_eq!(of_each(&all, "position"), [1, 2, 3]);
    assert_eq!(
        (&all[1]["event_type"], &all[1]["aggregate_id"], &all[1]["sequence"]),
        (&json!("user.profile.updated"), &json!("1"), &json!(2))
    );
    assert_eq!(all[1]["payload"]["full_name"], "usama");
    assert_eq!(all[1]["metadata"]["correlation_id"], "first-request");
    assert_eq!(of_each(&tail(&["-n", "2"]).await, "position"), [2, 3]);
    assert_eq!(of_each(&tail(&["--type", "user.*"]).await, "position"), [1, 3]);
    assert_eq!(of_each(&tail(&["--type", "user.*", "-n", "1"]).await, "position"), [3]);
    assert_eq!(of_each(&tail(&["--after", "1"]).await, "position"), [2, 3]);
    assert_eq!(of_each(&tail(&["--after", "0", "-n", "2"]).await, "position"), [1, 2]);
    assert!(tail(&["--type", "movie.#"]).await.is_empty());

    let said = told(&deployment, &["events", "tail", "--no-follow", "-n", "1"])
        .await
        .said_with(0);
    for word in ["3", "user.created", "user/2", "#1", r#"{"full_name":"ada"}"#] {
        assert!(said.contains(word), "{word}: {said}");
    }
    told(&deployment, &["events", "tail", "--type", "user*"])
        .await
        .said_with(64);
}

#[tokio::test]
async fn the_tail_follows_the_log_until_it_is_told_to_stop() {
    let (deployment, up) = two_users().await;
    let mut command = marquee(&["events", "tail", "--type", "user.profile.#"]);
    command.env("MARQUEE_HOME", deployment.home.path());
    let mut tail = Process::start(command);
    tail.says("what is there", |line| line.contains("usama").then_some(()))
        .await;
    name(&up, "2", "ada lovelace", "later").await;
    tail.says("what comes", |line| line.contains("ada lovelace").then_some(()))
        .await;
    tail.signal("INT").await;
    let ended = tail.ended().await;
    assert_eq!((ended.code, ended.said.len()), (Some(0), 2), "{ended:#?}");
}

#[tokio::test]
async fn a_stream_is_shown_with_the_state_its_events_make() {
    let (deployment, _up) = two_users().await;
    let stream = async |arguments: &[&str]| {
        let arguments = [&["events", "stream"], arguments].concat();
        told(&deployment, &arguments).await
    };
    let said = stream(&["user/1"]).await.said_with(0);
    for word in [
        "user.created",
        "user.profile.updated",
        "at sequence 2",
        r#""full_name": "usama""#,
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let json = |ended: Ended| -> Value { serde_json::from_str(&ended.said_with(0)).expect("JSON") };
    let first = json(stream(&["user/1", "--at-sequence", "1", "--json"]).await);
    assert_eq!(first["sequence"], 1);
    assert_eq!(of_each(first["events"].as_array().expect("events"), "sequence"), [1]);
    let account = &first["state"]["state"]["Registered"];
    assert_eq!(account["full_name"], "usama", "{first}");

    let unknown = stream(&["user/nobody"]).await.said_with(1);
    assert!(unknown.contains("there is no stream user/nobody"), "{unknown}");
    let beyond = stream(&["user/1", "--at-sequence", "3"]).await.said_with(1);
    assert!(beyond.contains("no event of sequence 3"), "{beyond}");
    for wrong in ["planet/1", "user", "user/a b"] {
        stream(&[wrong]).await.said_with(64);
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_named_and_the_state_before_it_shown() {
    let (deployment, up) = two_users().await;
    up.stop("TERM").await;
    deployment
        .tamper(
            "INSERT INTO events VALUES
             (4, 'user', '1', 3, gen_random_uuid(), 'user.roles.granted', '1', '{\"type\": \"user.roles.granted\"}', '{}'),
             (5, 'user', '1', 4, gen_random_uuid(), 'user.deleted', '1', '{\"type\": \"user.deleted\"}', '{}')",
        )
        .await;
    let mut command = marquee(&["events", "stream", "user/1"]);
    let event_store = deployment.url_as("event_store", "marquee_event_relay");
    command.env("MARQUEE_EVENT_STORE_URL", event_store);
    let said = ended(command).await.said_with(1);
    for word in [
        "position 4 (sequence 3)",
        "missing field `role`",
        "at sequence 2",
        r#""full_name": "usama""#,
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(!said.contains("user.deleted"), "{said}");
}

#[tokio::test]
async fn a_request_is_traced_from_its_command_to_the_read_models() {
    let (deployment, up) = two_users().await;
    // The first events are before all that is remembered of a projection's checkpoints.
    name(&up, "1", "usama the second", "second-request").await;
    let trace = async || {
        told(&deployment, &["events", "trace", "second-request", "--json"])
            .await
            .json()
    };
    until("published and applied", async || {
        let event = &trace().await["commands"][0]["events"][0];
        event["published"]["state"] == "at" && event["projections"][0]["state"] == "at"
    })
    .await;

    let trace = trace().await;
    let command = &trace["commands"][0];
    assert_eq!(command["principal"], "anonymous");
    assert!(
        command["traceparent"].is_string() && command["causation_id"].is_string(),
        "{command}"
    );
    assert_eq!(command["idempotency"]["status"], 201, "{command}");
    let event = &command["events"][0];
    assert_eq!((&event["position"], &event["sequence"]), (&json!(4), &json!(3)));
    assert!(
        event["published"]["latency_ms"]
            .as_i64()
            .is_some_and(|latency| latency >= 0),
        "{event}"
    );
    let projections = event["projections"].as_array().expect("projections");
    assert_eq!(of_each(projections, "name"), ["users", "movies", "catalog"]);
    let latency = projections[0]["latency_ms"].as_i64();
    assert!(latency.is_some_and(|latency| (0..60_000).contains(&latency)), "{event}");
    for projection in &projections[1..] {
        assert_eq!(projection["state"], "not_for_it", "{projection}");
    }
    let said = told(&deployment, &["events", "trace", "second-request"])
        .await
        .said_with(0);
    for word in [
        "Request second-request",
        "principal    anonymous",
        "answered 201",
        "user.profile.updated",
        "not for it",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let unknown = told(&deployment, &["events", "trace", "no-request"]).await.said_with(1);
    assert!(
        unknown.contains("no event belongs to the request no-request"),
        "{unknown}"
    );
}

#[tokio::test]
async fn an_event_that_could_not_be_applied_is_traced_to_where_it_is_parked_and_found_by_the_audit() {
    let (deployment, _up) = two_users().await;
    let mut event_store = deployment.event_store().await.expect("the event store");
    let poison = "INSERT INTO events VALUES (4, 'user', '1', 3, gen_random_uuid(), 'user.profile.updated', '1',
        '{\"type\": \"user.profile.updated\"}', '{\"correlation_id\": \"poison\"}')";
    sqlx::query(poison).execute(&mut event_store).await.expect("recorded");
    let trace = async || told(&deployment, &["events", "trace", "poison", "--json"]).await.json();
    until("parked", async || {
        let users = &trace().await["commands"][0]["events"][0]["projections"][0];
        users["state"] == "parked" && users["reason"] == "malformed"
    })
    .await;
    let said = told(&deployment, &["events", "trace", "poison"]).await.said_with(0);
    assert!(said.contains("users: position 4 is parked, malformed"), "{said}");
    let said = told(&deployment, &["verify"]).await.said_with(1);
    for word in [
        "EVENT_MALFORMED: an event has a payload that cannot be read: position 4",
        "STREAM_PARKED: a stream is parked: the read model lacks its last events: user/1 from position 4, malformed",
        "Verdict: 2 violations",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[tokio::test]
async fn a_projection_that_cannot_be_asked_is_said_so_and_the_rest_is_told() {
    let (deployment, _up) = two_users().await;
    let nobody = Nobody::take();
    let mut command = marquee(&["events", "trace", "first-request", "--json"]);
    let event_store = deployment.url_as("event_store", "marquee_event_relay");
    command.env("MARQUEE_EVENT_STORE_URL", event_store).env(
        "MARQUEE_USERS_DATABASE_URL",
        format!("postgres://me:secret@{}/users", nobody.address()),
    );
    let ended = ended(command).await;
    let said = ended.said_with(0);
    assert!(!said.contains("secret"), "{said}");
    let event = &ended.json()["commands"][0]["events"][0];
    assert_eq!(event["projections"][0]["state"], "unreachable", "{event}");
    assert_eq!(
        event["projections"][1]["state"], "not_for_it",
        "what it consumes is known without asking"
    );
}

#[tokio::test]
async fn without_a_url_and_without_a_running_process_the_missing_setting_is_named() {
    let deployment = Deployment::create().await;
    for (arguments, variable) in [
        (&["events", "tail"][..], "MARQUEE_EVENT_STORE_URL"),
        (&["events", "stream", "user/1"], "MARQUEE_EVENT_STORE_URL"),
        (&["events", "trace", "x"], "MARQUEE_EVENT_STORE_URL"),
        (&["verify"], "MARQUEE_EVENT_STORE_URL"),
        (&["log", "adopt", "--yes"], "MARQUEE_DATABASE_URL"),
    ] {
        let said = told(&deployment, arguments).await.said_with(64);
        assert!(said.contains(variable), "{arguments:?}: {said}");
    }
}
