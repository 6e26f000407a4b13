//! RabbitMQ stops, dies and comes back: commands go on being accepted, queries go on answering, and all catches up.

use dev_stack::TestVhost;
use dev_stack::testing::PrivateRabbit;
use e2e::{Databases, Platform, until};
use serde_json::json;

#[tokio::test]
async fn without_the_broker_commands_and_queries_go_on_and_afterwards_everything_catches_up_in_order() {
    let databases = Databases::create().await;
    let mut broker = PrivateRabbit::start().await;
    let vhost = TestVhost::create_on(&broker).await;
    let platform = Platform::start(&databases, &vhost.amqp_url()).await;
    let client = &platform.client;
    let before = client.post("/users/1", json!({"full_name": "before"})).await.accepted();
    client.get_at("/users/1", before.position()).await.accepted();

    broker.stop().await;
    let mut last = 0;
    for n in 0..50 {
        last = client
            .post("/users/1", json!({"full_name": format!("away {n}")}))
            .await
            .accepted()
            .position();
        assert_eq!(client.get("/users/1").await.status, 200, "queries go on answering");
    }
    assert_eq!(
        client.get("/readyz").await.status,
        200,
        "the broker is not needed to serve"
    );

    until("the read model follows the log without the broker", async || {
        client.get("/users/1").await.body["full_name"] == "away 49"
    })
    .await;

    broker.start_again().await;
    let back = client.post("/users/1", json!({"full_name": "back"})).await.accepted();
    assert_eq!(back.position(), last + 1);
    until("the read model goes on", async || {
        client.get("/users/1").await.body["full_name"] == "back"
    })
    .await;

    let half_way = client
        .post("/users/2", json!({"full_name": "half way"}))
        .await
        .accepted()
        .position();
    broker.kill().await;
    let killed = client
        .post("/users/2", json!({"full_name": "killed"}))
        .await
        .accepted()
        .position();
    broker.start_again().await;
    until("the read model catches up", async || {
        client.get("/users/2").await.body["full_name"] == "killed"
    })
    .await;
    let user = client.get_at("/users/2", killed).await.accepted();
    assert_eq!(user.body["sequence"], 3, "each event once, from {half_way} on too");
    until("all is published", async || {
        let ready = client.get("/readyz").await.body;
        let publishing = ready["checks"]["event-relay/publishing"]["detail"]
            .as_str()
            .map(str::to_owned);
        publishing.is_some_and(|publishing| publishing.contains(" 0 events behind"))
    })
    .await;
    platform.stop().await;
}
