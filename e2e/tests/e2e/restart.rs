//! Ten restarts leave nothing behind.

use dev_stack::TestVhost;
use e2e::{Databases, Platform, until};
use serde_json::json;

/// The projections' queues, and the one for what nobody has bound.
const QUEUES: [&str; 4] = ["catalog.v1", "movies.v1", "unrouted", "users.v1"];

#[tokio::test]
async fn after_ten_restarts_there_is_not_one_queue_more_and_the_topology_is_durable() {
    let (databases, vhost) = (Databases::create().await, TestVhost::create().await);
    let names = async || {
        let mut names: Vec<String> = vhost.queues().await.into_iter().map(|queue| queue.name).collect();
        names.sort();
        names
    };
    let platform = Platform::start(&databases, &vhost.amqp_url()).await;
    let first = platform
        .client
        .post("/users/1", json!({"full_name": "0"}))
        .await
        .accepted();
    platform.client.get_at("/users/1", first.position()).await.accepted();
    // Each consumer declares its own queue in its own time.
    until("every queue is there", async || names().await == QUEUES).await;
    platform.stop().await;

    for n in 1..=10 {
        let platform = Platform::start(&databases, &vhost.amqp_url()).await;
        let updated = platform
            .client
            .post("/users/1", json!({"full_name": n.to_string()}))
            .await
            .accepted();
        let user = platform.client.get_at("/users/1", updated.position()).await.accepted();
        assert_eq!(user.body["full_name"], n.to_string());
        platform.stop().await;
    }

    assert_eq!(names().await, QUEUES);
    for projection in ["users", "movies", "catalog"] {
        let found = vhost
            .queues()
            .await
            .into_iter()
            .find(|queue| queue.name.starts_with(projection));
        assert!(
            found.is_some_and(|queue| queue.durable && queue.kind == "quorum"),
            "{projection}"
        );
    }
    for entity in ["user", "movie", "cinema"] {
        let found = vhost
            .exchanges()
            .await
            .into_iter()
            .find(|exchange| exchange.name == entity);
        assert!(
            found.is_some_and(|exchange| exchange.durable && exchange.kind == "topic"),
            "{entity}"
        );
    }
}
