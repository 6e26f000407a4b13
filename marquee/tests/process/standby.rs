//! Two processes on the same databases and the same vhost: an active one and a standby.

use dev_stack::TestHome;
use e2e::{Client, until};
use serde_json::json;

use crate::deployment::Deployment;
use crate::log::{assert_read_models_equal, head};
use crate::up::{Up, metric};

async fn leads(client: &Client) -> bool {
    metric(client, "marquee_relay_leader").await > 0.0
}

async fn applied(client: &Client) -> f64 {
    metric(client, r#"marquee_projection_events_applied_total{projection="users"}"#).await
}

#[tokio::test]
async fn a_standby_serves_beside_the_active_process_and_takes_over_when_that_is_killed() {
    let deployment = Deployment::create().await;
    // A home has one owner.
    let home = TestHome::create().await;
    let mut in_another_home = deployment.marquee(&["--no-demo"]);
    in_another_home.env("MARQUEE_HOME", home.path());
    let here = Up::start(deployment.marquee(&["--no-demo"]));
    let (one, other) = tokio::join!(here, Up::start(in_another_home));
    let rename = async |client: &Client, name: String| {
        let renamed = client.post("/users/1", json!({ "full_name": name })).await.accepted();
        renamed.position()
    };

    let mut position = 0;
    for n in 0..10 {
        let up = if n % 2 == 0 { &one } else { &other };
        position = rename(&up.client, format!("name {n}")).await;
        for up in [&one, &other] {
            let shown = up.client.get_at("/users/1", position).await.accepted().body;
            assert_eq!(shown["full_name"], format!("name {n}"));
        }
    }
    assert_eq!(position, 11, "ten commands, the first with two events");
    until("one of them leads", async || {
        leads(&one.client).await != leads(&other.client).await
    })
    .await;
    // The counters follow the commits that the queries have seen.
    let mut events = 0.0;
    until("all events are applied", async || {
        events = applied(&one.client).await + applied(&other.client).await;
        events >= 11.0
    })
    .await;
    assert_eq!(events, 11.0, "each event once, by one of them");

    let (active, standby) = if leads(&one.client).await {
        (one, other)
    } else {
        (other, one)
    };
    active.process.kill().await;
    let position = rename(&standby.client, "name 10".to_owned()).await;
    let shown = standby.client.get_at("/users/1", position).await.accepted().body;
    assert_eq!(shown["full_name"], "name 10");
    until("the standby leads", async || leads(&standby.client).await).await;
    let position = rename(&standby.client, "name 11".to_owned()).await;
    until("what follows is published", async || {
        metric(&standby.client, "marquee_relay_position").await >= position as f64
    })
    .await;

    let mut event_store = deployment.event_store().await.expect("the event store");
    assert_eq!(head(&mut event_store).await, position);
    assert_read_models_equal(&mut event_store, &standby.client).await;
    standby.stop("INT").await;
}
