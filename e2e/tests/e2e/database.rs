//! PostgreSQL dies and comes back: what was accepted is there once, what was not is refused for certain or repeatable.

use dev_stack::TestVhost;
use dev_stack::testing::PrivatePostgres;
use e2e::{Databases, Platform, until};
use serde_json::json;

#[tokio::test]
async fn a_database_that_dies_and_comes_back_loses_nothing_accepted_and_doubles_nothing_repeated() {
    let mut server = PrivatePostgres::start().await;
    let databases = Databases::create_on(server.url()).await;
    let vhost = TestVhost::create().await;
    let platform = Platform::start(&databases, &vhost.amqp_url()).await;
    let client = platform.client.clone();

    let write = async |writer: u32| {
        for n in 0..40 {
            let (path, key) = (format!("/users/{writer}"), format!("{writer}-{n}"));
            let body = json!({"full_name": format!("name {n}")});
            // Repeated with the same key until it is accepted: whatever became of the tries before, it counts once.
            until("accepted", async || {
                let answer = client.try_post(&path, &body, &key).await.expect("the process stays");
                assert!(answer.status < 300 || answer.status == 503, "{answer:?}");
                answer.status < 300
            })
            .await;
        }
    };
    let fail = async {
        until("some are accepted", async || client.get("/users/0").await.status == 200).await;
        server.kill().await;
        let refused = client.post("/users/other", json!({"full_name": "other"}));
        let (refused, ()) = tokio::join!(refused, server.start_again());
        assert!(refused.status == 503 || refused.status == 201, "{refused:?}");
    };
    tokio::join!(write(0), write(1), write(2), write(3), fail);

    let last = client
        .post("/users/last", json!({"full_name": "last"}))
        .await
        .accepted();
    for writer in 0..4 {
        let user = client
            .get_at(&format!("/users/{writer}"), last.position())
            .await
            .accepted();
        assert_eq!(user.body["full_name"], "name 39");
        assert_eq!(user.body["sequence"], 41, "40 commands, the first with two events");
    }
    platform.stop().await;
}
