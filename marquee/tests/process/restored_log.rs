//! A backup of the log is restored: the log is adopted, the relay goes on, and read models that were ahead say so.

use e2e::until;
use serde_json::{Value, json};

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
    let said = ended(deployment.marquee(&["log", "adopt", "--yes"])).await.said_with(0);
    for word in [
        "ends at position 3",
        "position 4, is not in this log",
        "is published again",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let up = Up::start(deployment.marquee(&["up", "--no-demo"])).await;
    register(&up, &["new"]).await;
    until("the relay goes on", async || {
        let relay = up.client.get("/relay").await.body;
        (&relay["position"], &relay["halted"]) == (&json!(4), &Value::Null)
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
