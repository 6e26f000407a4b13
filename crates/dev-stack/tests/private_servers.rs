//! Servers of a test's own: what they keep over a stop and a kill.

use std::time::{Duration, Instant};

use dev_stack::{PrivatePostgres, PrivateRabbit, TestDatabase, TestVhost};
use sqlx::{Connection, Executor, PgConnection};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_private_database_server_keeps_what_was_committed_over_a_kill_and_a_stop() {
    let mut server = PrivatePostgres::start().await;
    let database = TestDatabase::create_on(server.url(), "kept").await;
    let mut connection = PgConnection::connect(&database.url()).await.unwrap();
    connection.execute("CREATE TABLE kept (id int)").await.unwrap();

    server.kill().await;
    connection.execute("SELECT 1").await.unwrap_err();
    PgConnection::connect(&database.url()).await.unwrap_err();
    server.start_again().await;
    let mut connection = PgConnection::connect(&database.url()).await.unwrap();
    connection.execute("INSERT INTO kept VALUES (1)").await.unwrap();

    server.stop().await;
    PgConnection::connect(&database.url()).await.unwrap_err();
    server.start_again().await;
    let mut connection = PgConnection::connect(&database.url()).await.unwrap();
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM kept")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_private_broker_keeps_its_durable_queues_over_a_kill() {
    let mut broker = PrivateRabbit::start().await;
    let vhost = TestVhost::create_on(&broker).await;
    vhost.declare_queue("kept").await;

    broker.kill().await;
    broker.start_again().await;
    // The management answers before it knows all that the broker has.
    let begun = Instant::now();
    while vhost.queue("kept").await.is_none() {
        assert!(begun.elapsed() < PATIENCE, "the queue is gone");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    broker.stop().await;
    let address = broker.management_url().trim_start_matches("http://").to_owned();
    tokio::net::TcpStream::connect(address).await.unwrap_err();
}
