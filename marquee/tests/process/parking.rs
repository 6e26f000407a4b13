//! An event that cannot be applied: seen, retried, discarded.

use e2e::until;

use crate::deployment::Deployment;
use crate::history::{append_user_event, repair};
use crate::told::told;
use crate::up::Up;

const CREATED: &str = r#"{"type": "user.created", "full_name": "Ada"}"#;
const RENAMED: &str = r#"{"type": "user.profile.updated", "full_name": "Grace"}"#;
const TORN: &str = r#"{"type": "user.created"}"#;

/// A running deployment with a stream that is parked from its first event on, at the position that is told.
async fn with_a_parked_stream() -> (Deployment, Up, i64) {
    let deployment = Deployment::create().await;
    let up = Up::start(deployment.marquee(&["--no-demo"])).await;
    let mut event_store = deployment.event_store().await.expect("the event store");
    let torn = append_user_event(&mut event_store, ("torn", 1), "user.created", TORN).await;
    append_user_event(&mut event_store, ("torn", 2), "user.profile.updated", RENAMED).await;
    let last = append_user_event(&mut event_store, ("whole", 1), "user.created", CREATED).await;
    up.client.get_at("/users/whole", last).await.accepted();
    until("the later event waits too", async || {
        let listed = told(&deployment, &["parked", "list", "users", "--json"]).await;
        listed.json()[0]["behind"] == 1
    })
    .await;
    (deployment, up, torn)
}

#[tokio::test]
async fn a_parked_stream_is_seen_with_its_reason_and_applied_in_order_after_the_repair() {
    let (deployment, up, torn) = with_a_parked_stream().await;
    let position = torn.to_string();
    let listed = told(&deployment, &["parked", "list"]).await.said_with(0);
    for words in ["user/torn", "user.created", "malformed", &position] {
        assert!(listed.contains(words), "{words}: {listed}");
    }
    let shown = told(&deployment, &["parked", "show", "users", &position])
        .await
        .said_with(0);
    for words in ["user.profile.updated", "malformed", "marquee parked retry users"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let status = told(&deployment, &["status"]).await.said_with(3);
    assert!(status.contains("users: 1 parked stream"), "{status}");
    let audit = told(&deployment, &["verify"]).await.said_with(1);
    assert!(audit.contains("torn"), "{audit}");

    let other = told(&deployment, &["parked", "show", "users", "1000"])
        .await
        .said_with(1);
    assert!(other.contains("NOT_PARKED") && other.contains("request "), "{other}");
    let retried = told(&deployment, &["parked", "retry", "users", &position]).await;
    assert!(
        retried.said_with(1).contains("2 still parked: malformed"),
        "{retried:?}"
    );
    let mut event_store = deployment.event_store().await.expect("the event store");
    repair(&mut event_store, torn, CREATED).await;
    let retried = told(&deployment, &["parked", "retry", "users", "--all"]).await;
    assert!(
        retried.said_with(0).contains("user/torn: 2 events applied"),
        "{retried:?}"
    );
    let user = up.client.get("/users/torn").await.accepted().body;
    assert_eq!(user["full_name"], "Grace", "in order");
    told(&deployment, &["status"]).await.said_with(0);
    told(&deployment, &["verify"]).await.said_with(0);
    up.stop("INT").await;
}

#[tokio::test]
async fn a_discarded_event_is_passed_over_once_somebody_has_confirmed_it() {
    let (deployment, up, torn) = with_a_parked_stream().await;
    let position = torn.to_string();
    let discard = ["parked", "discard", "users", &position, "--reason", "never existed"];
    let said = told(&deployment, &discard).await.said_with(64);
    assert!(
        said.contains("passes over user.created") && said.contains("applied then, in order: 1 event."),
        "{said}"
    );
    assert!(said.contains("--yes"), "{said}");
    told(&deployment, &["parked", "show", "users", &position])
        .await
        .said_with(0);

    let said = told(&deployment, &[&discard[..], &["--all", "--yes"]].concat())
        .await
        .said_with(0);
    assert!(said.contains("2 passed over"), "{said}");
    let audit = told(&deployment, &["verify"]).await.said_with(0);
    assert!(audit.contains("1 that operators have discarded"), "{audit}");
    let listed = told(&deployment, &["parked", "list", "users"]).await.said_with(0);
    assert!(listed.contains("Nothing is parked"), "{listed}");
    let shown = told(&deployment, &["projections", "show", "users"]).await.said_with(0);
    assert!(
        shown.contains("discard") && shown.contains("never existed") && shown.contains("ada"),
        "{shown}"
    );
    up.stop("INT").await;
}
