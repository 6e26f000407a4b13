//! Operators pause a projection, and everybody sees it.

use e2e::until;
use serde_json::json;

use crate::deployment::Deployment;
use crate::told::told;
use crate::up::Up;

#[tokio::test]
async fn a_paused_projection_is_not_healthy_until_it_goes_on() {
    let deployment = Deployment::create().await;
    let up = Up::start(deployment.marquee(&["up"])).await;
    let said = told(&deployment, &["projections", "pause", "movies", "--reason", "upgrade"]).await;
    assert!(said.said_with(0).contains("movies is paused"), "{said:?}");
    let paused = told(&deployment, &["status", "--json"]).await;
    paused.said_with(3);
    assert_eq!(paused.json()["problems"], json!(["movies: paused by ada"]));
    assert_eq!(paused.json()["projections"]["movies"]["paused"]["reason"], "upgrade");

    let shown = told(&deployment, &["projections", "show", "movies"]).await.said_with(0);
    assert!(shown.contains("by ada") && shown.contains("upgrade"), "{shown}");
    told(&deployment, &["projections", "resume", "movies"])
        .await
        .said_with(0);
    until("healthy again", async || {
        told(&deployment, &["status"]).await.code == Some(0)
    })
    .await;
    let shown = told(&deployment, &["projections", "show", "movies", "--json"]).await;
    let actions = shown.json()["actions"]["items"].clone();
    assert_eq!(
        [&actions[0]["action"], &actions[1]["action"]],
        ["resume", "pause"],
        "{actions}"
    );
    assert_eq!(actions[1]["who"], "ada");
    up.stop("INT").await;
}
