//! A backup of the log is restored: the log is adopted, the relay goes on, and read models that were ahead say so.

use std::path::{Path, PathBuf};

use e2e::until;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::deployment::Deployment;
use crate::told::{ended, told};
use crate::up::Up;

/// Runs everything, registers users, waits until all of it is published and applied, and stops.
async fn run_with_new_users(deployment: &Deployment, ids: &[&str]) {
    let up = Up::start(deployment.marquee(&["up", "--no-demo"])).await;
    register(&up, ids).await;
    until("all is published and applied", async || {
        let relay = up.client.get("/relay").await.body;
        let items = up.client.get("/projections").await.body;
        let lags = items["items"]
            .as_array()
            .expect("projections")
            .iter()
            .map(|one| &one["lag_events"]);
        relay["lag_events"] == 0 && lags.into_iter().all(|lag| *lag == 0)
    })
    .await;
    up.stop("TERM").await;
}

async fn register(up: &Up, ids: &[&str]) {
    for id in ids {
        up.client
            .post("/users", json!({"id": id, "full_name": id}))
            .await
            .accepted();
    }
}

/// Puts the event store back to how it was when it was kept, as `pg_restore` does: roles and rights included, and the
/// relay's row with it.
async fn keep(deployment: &Deployment) {
    deployment
        .to_database(r#"CREATE DATABASE "{}_kept" TEMPLATE "{}_event_store""#)
        .await;
    // A copy does not take the rights on the database itself along; a dump does.
    deployment
        .to_database(
            r#"GRANT CONNECT ON DATABASE "{}_kept" TO marquee_command_api, marquee_event_relay, marquee_users,
               marquee_movies, marquee_catalog"#,
        )
        .await;
}

async fn restore(deployment: &Deployment) {
    deployment
        .to_database(r#"DROP DATABASE "{}_event_store" WITH (FORCE)"#)
        .await;
    deployment
        .to_database(r#"ALTER DATABASE "{}_kept" RENAME TO "{}_event_store""#)
        .await;
}

/// Traces the event at a position: what is told of it to programs, and to people.
async fn traced_at(deployment: &Deployment, position: i64) -> (Value, String) {
    let mut event_store = deployment.event_store().await.expect("the event store");
    let request: String = sqlx::query_scalar("SELECT metadata ->> 'correlation_id' FROM events WHERE position = $1")
        .bind(position)
        .fetch_one(&mut event_store)
        .await
        .expect("an event");
    let traced = told(deployment, &["events", "trace", &request, "--json"]).await;
    traced.said_with(0);
    let event = traced.json()["commands"][0]["events"][0].clone();
    let said = told(deployment, &["events", "trace", &request]).await.said_with(0);
    (event, said)
}

/// The rows are of another history: what it says of an event at the same position is not of the event that is traced.
async fn expect_traced_as_diverged(deployment: &Deployment) {
    let (event, said) = traced_at(deployment, 4).await;
    assert_eq!(event["published"]["state"], "at", "{event}");
    assert_eq!(event["projections"][0]["state"], "log_diverged", "{event}");
    assert_eq!(event["projections"][0]["checkpoint"], 5, "{event}");
    assert!(
        said.contains("users: LOG_DIVERGED: its checkpoint at position 5"),
        "{said}"
    );
}

async fn states(up: &Up) -> Vec<Value> {
    let projections = up.client.get("/projections").await.body;
    let items = projections["items"].as_array().expect("projections").iter();
    items.map(|one| one["state"].clone()).collect()
}

#[tokio::test]
async fn a_restored_log_is_adopted_published_on_and_not_mixed_into_read_models_that_were_ahead() {
    let deployment = Deployment::create().await;
    run_with_new_users(&deployment, &["1", "2", "3"]).await;
    keep(&deployment).await;
    run_with_new_users(&deployment, &["lost-1", "lost-2"]).await;
    restore(&deployment).await;

    let refused = ended(deployment.marquee(&["log", "adopt"])).await.said_with(64);
    for word in ["ends at position 3", "The relay goes on behind position 3", "--yes"] {
        assert!(refused.contains(word), "{word}: {refused}");
    }
    let before = log_id(&deployment).await;
    let adopting = ended(deployment.marquee(&["log", "adopt", "--yes", "--operator", "ada"])).await;
    let said = adopting.said_with(0);
    let after = log_id(&deployment).await;
    assert_ne!(before, after);
    let audited = adopting
        .said
        .iter()
        .find(|line| line.contains("the log has a new identity"));
    let audited = audited.unwrap_or_else(|| panic!("{said}"));
    for word in [&before, &after, "operator=\"ada\""] {
        assert!(audited.contains(word), "{word}: {audited}");
    }

    let up = Up::start(deployment.marquee(&["up", "--no-demo"])).await;
    register(&up, &["new-1", "new-2", "new-3"]).await;
    until("the relay has published what is new", async || {
        let relay = up.client.get("/relay").await.body;
        (&relay["position"], &relay["halted"], &relay["log_id"]) == (&json!(6), &Value::Null, &json!(after))
    })
    .await;
    until("the read models that were ahead say so", async || {
        states(&up).await.iter().all(|state| state == "log_diverged")
    })
    .await;
    assert_eq!(
        up.client.get("/users/new-1").await.status,
        404,
        "two histories are not mixed"
    );
    expect_traced_as_diverged(&deployment).await;
    let audit = told(&deployment, &["verify", "--json"]).await;
    audit.said_with(1);
    let audit = audit.json();
    let wrong: Vec<&Value> = audit["audited"]
        .as_array()
        .expect("what was audited")
        .iter()
        .filter(|one| one.to_string().contains("CHECKPOINT_NOT_IN_LOG"))
        .map(|one| &one["subject"])
        .collect();
    assert_eq!(
        wrong,
        ["projection users", "projection movies", "projection catalog"],
        "{audit}"
    );
    up.stop("TERM").await;
}

#[tokio::test]
async fn a_log_that_lost_its_last_events_is_adopted_with_the_relay_back_in_it() {
    let deployment = Deployment::create().await;
    run_with_new_users(&deployment, &["1", "2"]).await;
    run_with_new_users(&deployment, &["3", "4"]).await;
    deployment.tamper("DELETE FROM events WHERE position > 3").await;
    let up = Up::start(deployment.marquee(&["up", "--no-demo"])).await;
    register(&up, &["other"]).await;
    until("the relay stands still", async || {
        up.client.get("/relay").await.body["halted"]["code"] == "LOG_DIVERGED"
    })
    .await;
    let (event, said) = traced_at(&deployment, 4).await;
    assert_eq!(
        event["published"],
        json!({"state": "log_diverged", "checkpoint": 4}),
        "{event}"
    );
    assert!(said.contains("LOG_DIVERGED: its checkpoint at position 4"), "{said}");
    up.stop("TERM").await;
    let said = ended(deployment.marquee(&["log", "adopt", "--yes"])).await.said_with(0);
    for word in [
        "ends at position 4",
        "position 4, is not in this log",
        "is published again",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let up = Up::start(deployment.marquee(&["up", "--no-demo"])).await;
    register(&up, &["new"]).await;
    until("the relay goes on", async || {
        let relay = up.client.get("/relay").await.body;
        (&relay["position"], &relay["halted"]) == (&json!(5), &Value::Null)
    })
    .await;
    up.stop("TERM").await;
}

async fn log_id(deployment: &Deployment) -> String {
    let mut event_store = deployment.event_store().await.expect("the event store");
    sqlx::query_scalar("SELECT log_id::text FROM log")
        .fetch_one(&mut event_store)
        .await
        .expect("the log")
}

/// A program of PostgreSQL: from `PATH`, else from where Debian has it.
fn program(name: &str) -> PathBuf {
    let in_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>())
        .map(|directory| directory.join(name));
    let of_debian = (13..=30)
        .rev()
        .map(|major| Path::new("/usr/lib/postgresql").join(format!("{major}/bin/{name}")));
    in_path
        .chain(of_debian)
        .find(|program| program.exists())
        .expect("a program of PostgreSQL")
}

/// Runs a program of PostgreSQL, and gives what it complained of.
async fn postgres(name: &str, arguments: &[&str]) -> String {
    let ran = Command::new(program(name)).args(arguments).kill_on_drop(true).output();
    String::from_utf8_lossy(&ran.await.expect("it runs").stderr).into_owned()
}

/// Dumps the event store of a deployment that has published three users.
async fn dumped() -> (Deployment, String) {
    let deployment = Deployment::create().await;
    run_with_new_users(&deployment, &["1", "2", "3"]).await;
    let dump = deployment
        .home
        .path()
        .join("event-store.dump")
        .to_string_lossy()
        .into_owned();
    let url = deployment.superuser_url("event_store");
    let said = postgres("pg_dump", &["--format=custom", "--file", &dump, &url]).await;
    assert_eq!(said, "");
    deployment
        .to_database(r#"DROP DATABASE "{}_event_store" WITH (FORCE)"#)
        .await;
    (deployment, dump)
}

/// The codes of what an audit has found in the event store, each once.
async fn found(deployment: &Deployment, arguments: &[&str]) -> (i32, Vec<String>) {
    found_in(deployment, "event store", arguments).await
}

/// The same of what is audited under this name.
async fn found_in(deployment: &Deployment, subject: &str, arguments: &[&str]) -> (i32, Vec<String>) {
    let mut command = deployment.marquee(&[&["verify", "--json"], arguments].concat());
    command
        .env("MARQUEE_EVENT_STORE_URL", deployment.superuser_url("event_store"))
        .env("MARQUEE_USERS_DATABASE_URL", deployment.superuser_url("users"));
    let audit = ended(command).await;
    let told = audit.json();
    let subjects = told["audited"].as_array().expect("what was audited");
    let audited = subjects
        .iter()
        .find(|one| one["subject"] == subject)
        .expect("it was audited");
    let parts = audited["parts"].as_array().expect("its parts").iter();
    let findings = parts.flat_map(|part| part["findings"].as_array().expect("findings").clone());
    let mut codes: Vec<String> = findings
        .map(|finding| finding["code"].as_str().expect("a code").to_owned())
        .collect();
    codes.dedup();
    (audit.code.expect("it ended by itself"), codes)
}

#[tokio::test]
async fn a_dump_restored_without_owners_and_rights_into_a_database_made_by_hand_is_put_right_by_migrate() {
    let (deployment, dump) = dumped().await;
    deployment.to_database(r#"CREATE DATABASE "{}_event_store""#).await;
    let url = deployment.superuser_url("event_store");
    let said = postgres("pg_restore", &["--no-owner", "--no-acl", "--dbname", &url, &dump]).await;
    assert_eq!(said, "");
    let (code, codes) = found(&deployment, &["--only", "log"]).await;
    assert_eq!((code, codes), (0, Vec::new()), "the data is sound");
    let (code, codes) = found(&deployment, &[]).await;
    assert_eq!(
        (code, codes),
        (
            1,
            vec![
                "OWNER_WRONG".to_owned(),
                "PRIVILEGE_MISSING".to_owned(),
                "PRIVILEGE_TOO_MUCH".to_owned()
            ]
        )
    );

    for _ in 0..2 {
        ended(deployment.marquee(&["migrate"])).await.said_with(0);
        assert_eq!(found(&deployment, &[]).await.1, Vec::<String>::new());
    }
    deployment
        .to_database(r#"REVOKE CONNECT ON DATABASE "{}_event_store" FROM marquee_users"#)
        .await;
    assert_eq!(found(&deployment, &[]).await.1, ["PRIVILEGE_MISSING"]);
    ended(deployment.marquee(&["log", "adopt", "--yes"])).await.said_with(0);
    let up = Up::start(deployment.marquee(&["up", "--no-demo"])).await;
    register(&up, &["new"]).await;
    until("the relay and the read models go on", async || {
        let relay = up.client.get("/relay").await.body;
        relay["position"] == 4 && up.client.get("/users/new").await.status == 200
    })
    .await;
    up.stop("TERM").await;
}

#[tokio::test]
async fn a_read_model_restored_without_owners_and_rights_into_a_database_made_by_hand_is_put_right_by_migrate() {
    let deployment = Deployment::create().await;
    run_with_new_users(&deployment, &["1", "2", "3"]).await;
    let dump = deployment.home.path().join("users.dump").to_string_lossy().into_owned();
    let url = deployment.superuser_url("users");
    let said = postgres("pg_dump", &["--format=custom", "--file", &dump, &url]).await;
    assert_eq!(said, "");
    deployment.to_database(r#"DROP DATABASE "{}_users" WITH (FORCE)"#).await;
    deployment.to_database(r#"CREATE DATABASE "{}_users""#).await;
    let said = postgres("pg_restore", &["--no-owner", "--no-acl", "--dbname", &url, &dump]).await;
    assert_eq!(said, "");
    let found = async || found_in(&deployment, "projection users", &[]).await.1;
    assert_eq!(
        found().await,
        ["OWNER_WRONG", "PRIVILEGE_MISSING", "PRIVILEGE_TOO_MUCH"]
    );

    for _ in 0..2 {
        ended(deployment.marquee(&["migrate"])).await.said_with(0);
        assert_eq!(found().await, Vec::<String>::new());
    }
    deployment
        .to_database(r#"GRANT CONNECT ON DATABASE "{}_users" TO marquee_movies"#)
        .await;
    assert_eq!(found().await, ["PRIVILEGE_TOO_MUCH"]);
    let up = Up::start(deployment.marquee(&["up", "--no-demo"])).await;
    register(&up, &["new"]).await;
    until("the read model goes on", async || {
        up.client.get("/users/new").await.status == 200
    })
    .await;
    told(&deployment, &["projections", "rebuild", "users", "--yes"])
        .await
        .said_with(0);
    assert_eq!(found().await, Vec::<String>::new(), "up puts it right as migrate does");
    up.stop("TERM").await;
}

#[tokio::test]
async fn events_restored_into_a_store_whose_relay_knows_nothing_of_them_are_not_published_again_unasked() {
    let (deployment, dump) = dumped().await;
    ended(deployment.marquee(&["migrate"])).await.said_with(0);
    let url = deployment.superuser_url("event_store");
    let said = postgres(
        "pg_restore",
        &["--data-only", "--table=events", "--dbname", &url, &dump],
    )
    .await;
    assert_eq!(said, "");
    assert_eq!(
        found(&deployment, &["--only", "log"]).await,
        (1, vec!["RELAY_UNPLACED".to_owned()])
    );
    let up = Up::start(deployment.marquee(&["up", "--no-demo"])).await;
    until("the relay says so", async || {
        up.client.get("/relay").await.body["halted"]["code"] == "RELAY_UNPLACED"
    })
    .await;
    assert_eq!(up.client.get("/relay").await.body["position"], 0);
    up.stop("TERM").await;

    let refused = ended(deployment.marquee(&["log", "adopt", "--yes"]))
        .await
        .said_with(64);
    assert!(
        refused.contains("--relay-at head") && refused.contains("--relay-at 0"),
        "{refused}"
    );
    ended(deployment.marquee(&["log", "adopt", "--yes", "--relay-at", "4"]))
        .await
        .said_with(1);
    let said = ended(deployment.marquee(&["log", "adopt", "--yes", "--relay-at", "head"]))
        .await
        .said_with(0);
    assert!(said.contains("goes on behind position 3, as you say"), "{said}");
    assert_eq!(found(&deployment, &["--only", "log"]).await, (0, Vec::new()));
    let up = Up::start(deployment.marquee(&["up", "--no-demo"])).await;
    register(&up, &["new"]).await;
    until("the relay goes on", async || {
        let relay = up.client.get("/relay").await.body;
        (&relay["position"], &relay["halted"]) == (&json!(4), &Value::Null)
    })
    .await;
    up.stop("TERM").await;
}
