//! `marquee verify` calls what is sound sound, names what is not, and says what it could not check.

use e2e::until;
use serde_json::{Value, json};

use crate::child::{Ended, marquee};
use crate::deployment::Deployment;
use crate::nobody::Nobody;
use crate::told::{ended, told};
use crate::up::Up;

async fn with_users() -> (Deployment, Up) {
    let deployment = Deployment::create().await;
    let up = Up::start(deployment.marquee(&["up", "--no-demo"])).await;
    for id in ["1", "2", "3"] {
        let created = up
            .client
            .post("/users", json!({"id": id, "full_name": id}))
            .await
            .accepted();
        up.client
            .get_at(&format!("/users/{id}"), created.position())
            .await
            .accepted();
    }
    (deployment, up)
}

/// Subject, code and whether it is only unchecked, of each finding.
fn findings(ended: &Ended) -> Vec<(String, String, bool)> {
    let report = ended.json();
    let mut findings = Vec::new();
    for audited in report["audited"].as_array().expect("what was audited") {
        for part in audited["parts"].as_array().expect("parts") {
            for finding in part["findings"].as_array().expect("findings") {
                let text = |value: &Value| value.as_str().expect("a text").to_owned();
                let unchecked = finding["unchecked"].as_bool().expect("a boolean");
                findings.push((text(&audited["subject"]), text(&finding["code"]), unchecked));
            }
        }
    }
    findings
}

#[tokio::test]
async fn what_is_sound_is_called_sound_with_what_was_checked() {
    let (deployment, _up) = with_users().await;
    let verify = async || told(&deployment, &["verify"]).await;
    until("sound", async || verify().await.code == Some(0)).await;
    let said = verify().await.said_with(0);
    for word in [
        "3 events: positions 1 to 3 without a gap",
        "3 streams",
        "relay",
        "idempotency keys",
        "projection users",
        "projection movies",
        "projection catalog",
        "generation 1 at position 3, as the log makes it: users (3 rows)",
        "Verdict: sound",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let report = told(&deployment, &["verify", "--json"]).await;
    assert_eq!(report.json()["verdict"], "sound");
    assert!(findings(&report).is_empty());
}

#[tokio::test]
async fn a_damaged_log_is_found_and_the_place_named() {
    let (deployment, up) = with_users().await;
    up.stop("TERM").await;
    deployment
        .tamper("UPDATE events SET payload = '{\"type\": \"user.created\"}' WHERE position = 2")
        .await;
    deployment.tamper("DELETE FROM events WHERE position = 1").await;
    let mut command = marquee(&["verify", "--json"]);
    for (variable, database, role) in [
        ("EVENT_STORE_URL", "event_store", "marquee_event_relay"),
        ("USERS_DATABASE_URL", "users", "marquee_users"),
        ("MOVIES_DATABASE_URL", "movies", "marquee_movies"),
        ("CATALOG_DATABASE_URL", "catalog", "marquee_catalog"),
    ] {
        command.env(format!("MARQUEE_{variable}"), deployment.url_as(database, role));
    }
    let audit = ended(command).await;
    let said = audit.said_with(1);
    assert_eq!(audit.json()["verdict"], "violated");
    let of_the_log: Vec<String> = findings(&audit)
        .into_iter()
        .filter(|(subject, ..)| subject == "event store")
        .map(|(_, code, _)| code)
        .collect();
    assert_eq!(of_the_log, ["EVENT_MALFORMED", "POSITION_MISSING"]);
    for place in ["position 2 (user/2 1, user.created v1)", "position 1"] {
        assert!(said.contains(place), "{place}: {said}");
    }
}

#[tokio::test]
async fn a_row_that_is_not_what_the_log_says_is_named_by_its_table_and_key() {
    let (deployment, _up) = with_users().await;
    let mut users = deployment.database("users").await.expect("the read model");
    let altered = "UPDATE users_g1.users SET full_name = 'somebody else' WHERE id = '2'";
    sqlx::query(altered).execute(&mut users).await.expect("altered");
    let audit = told(&deployment, &["verify", "--json"]).await;
    audit.said_with(1);
    let expected = ("projection users".to_owned(), "ROW_DIFFERS".to_owned(), false);
    assert_eq!(findings(&audit), [expected]);
    let said = told(&deployment, &["verify"]).await.said_with(1);
    for word in ["users 2, full_name: somebody else instead of 2", "Verdict: 1 violation"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[tokio::test]
async fn what_could_not_be_checked_is_said_and_is_not_sound() {
    let (deployment, _up) = with_users().await;
    let nobody = Nobody::take();
    let mut command = marquee(&["verify", "--json"]);
    let event_store = deployment.url_as("event_store", "marquee_event_relay");
    command
        .env("MARQUEE_EVENT_STORE_URL", event_store)
        .env(
            "MARQUEE_USERS_DATABASE_URL",
            deployment.url_as("users", "marquee_users"),
        )
        .env(
            "MARQUEE_MOVIES_DATABASE_URL",
            format!("postgres://me:secret@{}/movies", nobody.address()),
        );
    let audit = ended(command).await;
    assert!(!audit.said_with(1).contains("secret"), "{audit:#?}");
    assert_eq!(audit.json()["verdict"], "incomplete");
    let not_checked = |name: &str| (format!("projection {name}"), "NOT_CHECKED".to_owned(), true);
    assert_eq!(findings(&audit), [not_checked("movies"), not_checked("catalog")]);
}
