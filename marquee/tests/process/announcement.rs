//! A running process is found in its home by the other commands.

use std::fs;

use serde_json::Value;

use crate::child::Process;
use crate::deployment::Deployment;
use crate::up::Up;

#[tokio::test]
async fn a_running_process_tells_in_its_home_how_it_is_reached_until_it_stops() {
    let deployment = Deployment::create().await;
    let path = deployment.home.path().join("deployment.json");
    let up = Up::start(deployment.marquee(&["up", "--no-demo"])).await;
    let text = fs::read(&path).expect("it is there");
    let told: Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(told["url"], up.url);
    let event_store = deployment.url_as("event_store", "marquee_event_relay");
    assert_eq!(told["event_store_url"], event_store);
    for name in ["users", "movies", "catalog"] {
        let role = format!("marquee_{name}");
        let told = &told["projections"][name];
        assert_eq!(told["database_url"], deployment.url_as(name, &role));
        assert_eq!(told["event_store_url"], deployment.url_as("event_store", &role));
    }
    up.stop("TERM").await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_second_process_in_one_home_is_refused_also_where_both_servers_are_given() {
    let deployment = Deployment::create().await;
    let up = || deployment.marquee(&["up", "--no-demo"]);
    let first = Up::start(up()).await;
    let second = Process::start(up()).ended().await;
    assert_eq!(second.code, Some(1), "{second:?}");
    let refusal = second.said.last().expect("a reason");
    assert!(
        refusal.contains("in use by another process") && refusal.contains("MARQUEE_HOME"),
        "{refusal}"
    );
    let path = deployment.home.path().join("deployment.json");
    let text = fs::read(path).expect("the first one is still found by its home");
    let told: Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(told["url"], first.url);
    first.stop("INT").await;
    Up::start(up()).await.stop("INT").await;
}
