//! The servers of a test run: what a test gets from them.

use dev_stack::{TestDatabase, TestVhost, for_tests};
use sqlx::{Connection, Executor, PgConnection};

#[tokio::test]
async fn a_test_gets_an_empty_database_of_its_own() {
    let one = TestDatabase::create("one").await;
    let other = TestDatabase::create("other").await;
    let mut connection = PgConnection::connect(&one.url()).await.unwrap();
    connection.execute("CREATE TABLE here (id int)").await.unwrap();
    let mut connection = PgConnection::connect(&other.url()).await.unwrap();
    connection.execute("SELECT * FROM here").await.unwrap_err();
}

#[tokio::test]
async fn the_management_is_where_the_servers_say() {
    let servers = for_tests().await;
    assert!(servers.management_url().starts_with("http://"));
}

#[tokio::test]
async fn a_test_gets_a_vhost_of_its_own() {
    let vhost = TestVhost::create().await;
    vhost.declare_queue("waiting").await;
    assert_eq!(vhost.queues().await.len(), 1);
}
