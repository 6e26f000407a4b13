//! `marquee status` tells what runs and whether all is well.

use e2e::until;
use serde_json::json;

use crate::child::{Process, marquee};
use crate::deployment::Deployment;
use crate::nobody::Nobody;
use crate::separate_services::Serving;
use crate::told::{ended, told};
use crate::up::Up;

#[tokio::test]
async fn a_running_process_is_found_and_shown_on_one_screen() {
    let deployment = Deployment::create().await;
    let up = Up::start(deployment.marquee(&["up"])).await;
    until("healthy", async || told(&deployment, &["status"]).await.code == Some(0)).await;
    let said = told(&deployment, &["status"]).await.said_with(0);
    assert!(said.starts_with(&format!("Marquee at {}: healthy", up.url)), "{said}");
    assert!(
        !said.contains('\u{1b}'),
        "no colours where there is no terminal: {said:?}"
    );
    for word in [
        "command-api/event_store",
        "event store",
        "publishing",
        "users",
        "movies",
        "catalog",
        "consuming",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }

    let status = told(&deployment, &["status", "--json"]).await;
    status.said_with(0);
    let status = status.json();
    assert_eq!(status["healthy"], true);
    assert_eq!(status["problems"], json!([]));
    let head = status["event_store"]["head"].as_i64().expect("the head");
    assert!(head > 100, "the demo set is there: {status}");
    assert_eq!(status["relay"]["this"], "leader");
    for name in ["users", "movies", "catalog"] {
        assert_eq!(status["projections"][name]["position"], head, "{status}");
        assert_eq!(status["projections"][name]["generation"], 1, "{status}");
    }
    up.stop("INT").await;
}

#[tokio::test]
async fn what_is_watched_is_told_again_and_again_until_it_is_enough() {
    let deployment = Deployment::create().await;
    let up = Up::start(deployment.marquee(&["up", "--no-demo"])).await;
    let mut watch = marquee(&["status", "--watch", "--json", "--url", &up.url]);
    watch.env("MARQUEE_HOME", deployment.home.path());
    let mut watching = Process::start(watch);
    let told = |line: &str, words: &str| line.contains(words).then_some(());
    watching
        .says("that all is well", |line| told(line, r#""healthy":true"#))
        .await;
    up.stop("INT").await;
    watching
        .says("that it is gone", |line| told(line, "nothing answers"))
        .await;
    watching.signal("INT").await;
    watching.ended().await.said_with(3);
}

#[tokio::test]
async fn a_service_alone_is_shown_with_what_is_served_elsewhere() {
    let deployment = Deployment::create().await;
    ended(deployment.marquee(&["migrate"])).await.said_with(0);
    let event_store = [("MARQUEE_EVENT_STORE_URL", "event_store", "marquee_command_api")];
    let alone = Serving::start(&deployment, &["command-api"], &event_store).await;
    let status = ended(marquee(&["status", "--url", &alone.url])).await;
    let said = status.said_with(0);
    let line = |name: &str| said.lines().find(|line| line.starts_with(name)).expect("it is shown");
    assert!(line("event store").contains("answers"), "{said}");
    for elsewhere in ["relay", "users", "movies", "catalog"] {
        assert!(line(elsewhere).contains("not served at this address"), "{said}");
    }
    alone.process.signal("TERM").await;
    alone.process.ended().await.said_with(0);
}

#[tokio::test]
async fn what_is_away_is_not_healthy() {
    let nobody = Nobody::take();
    let url = format!("http://{}", nobody.address());
    let status = ended(marquee(&["status", "--url", &url])).await;
    let said = status.said_with(3);
    assert!(
        said.contains("not healthy") && said.contains("nothing answers"),
        "{said}"
    );
    let status = ended(marquee(&["status", "--json", "--url", &url])).await;
    status.said_with(3);
    assert_eq!(status.json()["healthy"], false);
    assert_eq!(status.json()["relay"], json!(null));
}
