//! A projection whose database takes for ever slows neither commands nor the other projections.

use dev_stack::TestVhost;
use e2e::{Databases, Platform, until};
use projections::Name;
use serde_json::json;
use sqlx::{Connection, PgConnection};

#[tokio::test]
async fn a_projection_that_cannot_commit_holds_up_neither_commands_nor_other_read_models_and_catches_up() {
    let databases = Databases::create().await;
    let vhost = TestVhost::create().await;
    let platform = Platform::start(&databases, &vhost.amqp_url()).await;
    let client = &platform.client;
    client.post("/users/1", json!({"full_name": "before"})).await.accepted();

    // Readable, but the checkpoint cannot move.
    let mut locking = PgConnection::connect(&databases.projection(Name::Users).url())
        .await
        .expect("the projection's database");
    let mut lock = locking.begin().await.expect("a transaction");
    sqlx::query("SELECT FROM projection FOR UPDATE")
        .execute(&mut *lock)
        .await
        .expect("the lock");
    let mut last = 0;
    for n in 0..200 {
        let renamed = client.post("/users/1", json!({"full_name": format!("name {n}")})).await;
        last = renamed.accepted().position();
    }
    let movie = json!({
        "id": "m", "title": "Nosferatu", "synopsis": "", "runtime_minutes": 94, "age_rating": "12",
        "genres": ["horror"], "premiere_date": "1922-03-04",
    });
    let announced = client.post("/movies", movie).await.accepted().position();
    client.get_at("/movies/m", announced).await.accepted();
    let behind = client.get(&format!("/users/1?min_position={last}")).await;
    assert_eq!(
        (behind.status, &behind.body["code"]),
        (503, &json!("READ_MODEL_BEHIND"))
    );
    assert_eq!(behind.header("retry-after"), Some("1"));

    drop(lock);
    locking.close().await.expect("closed");
    until("the read model catches up", async || {
        client.get("/users/1").await.body["full_name"] == "name 199"
    })
    .await;
    platform.stop().await;
}
