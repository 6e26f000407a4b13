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
    // Declarations are written down within seconds; one that was just confirmed may be gone after a kill. A stop writes all.
    broker.stop().await;
    broker.start_again().await;

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

#[tokio::test]
async fn a_standby_that_is_promoted_has_what_was_committed_with_it_and_not_what_came_after_it_was_cut_off() {
    let mut primary = PrivatePostgres::start().await;
    let standby = primary.start_standby().await;
    let mut connection = PgConnection::connect(primary.url()).await.unwrap();
    connection.execute("CREATE TABLE kept (id int)").await.unwrap();
    primary.set_synchronous(true).await;
    connection.execute("INSERT INTO kept VALUES (1)").await.unwrap();
    let mut reader = PgConnection::connect(standby.url()).await.unwrap();
    let refused = reader.execute("INSERT INTO kept VALUES (2)").await.unwrap_err();
    assert_eq!(
        refused.as_database_error().unwrap().code().unwrap(),
        "25006",
        "it only reads"
    );

    primary.set_synchronous(false).await;
    standby.stop_streaming().await;
    connection.execute("INSERT INTO kept VALUES (3)").await.unwrap();
    primary.kill().await;
    standby.promote().await;
    let mut promoted = PgConnection::connect(standby.url()).await.unwrap();
    promoted.execute("INSERT INTO kept VALUES (4)").await.unwrap();
    let kept: Vec<i32> = sqlx::query_scalar("SELECT id FROM kept ORDER BY id")
        .fetch_all(&mut promoted)
        .await
        .unwrap();
    assert_eq!(kept, [1, 4]);
}
