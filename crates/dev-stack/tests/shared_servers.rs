//! The servers of a test run: what a test gets from them.

use std::env;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dev_stack::{TestDatabase, TestVhost, for_tests};
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};

/// What another process prints in the test of that name.
const TELLS: &str = "a_process_tells_which_servers_its_tests_use";

#[tokio::test]
async fn a_process_tells_which_servers_its_tests_use() {
    let servers = for_tests().await;
    let told = [servers.database_url(), servers.amqp_url(), servers.management_url()].join(" ");
    println!("servers: {told}");
    assert!(told.starts_with("postgres://") && told.contains(" amqp://"), "{told}");
}

#[test]
fn servers_named_for_tests_are_used_and_those_named_for_the_program_are_not() {
    let program = env::current_exe().expect("this program");
    let told = |management: Option<&str>| {
        let mut command = Command::new(&program);
        command
            .args(["--exact", TELLS, "--nocapture"])
            .env("MARQUEE_DATABASE_URL", "postgres://somebodys/data")
            .env("MARQUEE_AMQP_URL", "amqp://somebodys")
            .env("MARQUEE_MANAGEMENT_URL", "http://somebodys:15672")
            .env("MARQUEE_TEST_DATABASE_URL", "postgres://me@there:1/postgres")
            .env("MARQUEE_TEST_AMQP_URL", "amqp://me:secret@elsewhere:2/%2f")
            .env_remove("MARQUEE_TEST_MANAGEMENT_URL")
            .envs(management.map(|url| ("MARQUEE_TEST_MANAGEMENT_URL", url)));
        let said = command.output().expect("it can be run").stdout;
        let said = String::from_utf8(said).expect("it prints text");
        let line = said.lines().find_map(|line| line.split_once("servers: "));
        line.unwrap_or_else(|| panic!("{said}")).1.to_owned()
    };
    let given = "postgres://me@there:1/postgres amqp://me:secret@elsewhere:2/%2f";
    assert_eq!(told(None), format!("{given} http://elsewhere:15672"));
    assert_eq!(told(Some("http://third:3")), format!("{given} http://third:3"));
}

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
async fn a_database_is_built_once_and_copied_for_each_test() {
    static BUILT: AtomicUsize = AtomicUsize::new(0);
    let create = || {
        TestDatabase::create_built("built_once", |url| async move {
            BUILT.fetch_add(1, Ordering::SeqCst);
            let mut connection = PgConnection::connect(&url).await?;
            connection.execute("CREATE TABLE built (id int)").await?;
            // Left open on purpose: a template must not be in use when it is copied.
            std::mem::forget(connection);
            Ok::<_, sqlx::Error>(())
        })
    };
    let (one, other) = tokio::join!(create(), create());
    // On a server that outlives the run a template would stay behind.
    let is_given = env::var_os("MARQUEE_TEST_DATABASE_URL").is_some();
    assert_eq!(BUILT.load(Ordering::SeqCst), if is_given { 2 } else { 1 });
    let mut connection = PgConnection::connect(&one.url()).await.unwrap();
    connection.execute("INSERT INTO built VALUES (1)").await.unwrap();
    let mut connection = PgConnection::connect(&other.url()).await.unwrap();
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM built")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn a_dropped_database_goes_away_with_its_connections() {
    let database = TestDatabase::create("dropped").await;
    let name = database.name().to_owned();
    let mut inside = PgConnection::connect(&database.url()).await.unwrap();
    drop(database);
    let mut admin = PgConnection::connect(for_tests().await.database_url()).await.unwrap();
    let gone = async {
        let exists = "SELECT count(*) FROM pg_database WHERE datname = $1";
        while sqlx::query_scalar::<_, i64>(exists)
            .bind(&name)
            .fetch_one(&mut admin)
            .await
            .unwrap()
            > 0
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
    inside.execute("SELECT 1").await.unwrap_err();
}

#[tokio::test]
async fn terminated_connections_are_gone_at_once_and_new_ones_are_welcome() {
    let database = TestDatabase::create("terminated").await;
    let mut connection = PgConnection::connect(&database.url()).await.unwrap();
    database.terminate_connections().await;
    connection.execute("SELECT 1").await.unwrap_err();
    PgConnection::connect(&database.url()).await.unwrap();
}

#[tokio::test]
async fn another_role_logs_in_with_its_own_password() {
    let database = TestDatabase::create("roles").await;
    let role = format!("role_{}", database.name());
    let mut admin = PgConnection::connect(&database.url()).await.unwrap();
    admin
        .execute(format!("CREATE ROLE {role} LOGIN PASSWORD 'test'").as_str())
        .await
        .unwrap();
    let mut connection = PgConnection::connect(&database.url_as(&role, "test")).await.unwrap();
    let user: String = sqlx::query_scalar("SELECT current_user::text")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(user, role);
    PgConnection::connect(&database.url_as(&role, "wrong"))
        .await
        .unwrap_err();
    admin.execute(format!("DROP ROLE {role}").as_str()).await.unwrap();
}

#[tokio::test]
async fn a_test_gets_a_vhost_of_its_own() {
    let one = TestVhost::create().await;
    let other = TestVhost::create().await;
    one.declare_queue("waiting").await;
    assert_eq!(one.queues().await.len(), 1);
    assert_eq!(other.queues().await, []);
    assert!(one.amqp_url().ends_with(one.name()));
}

#[tokio::test]
async fn a_message_goes_where_a_binding_leads_and_nowhere_once_it_is_gone() {
    let vhost = TestVhost::create().await;
    vhost.declare_queue("profiles").await;
    vhost.bind("amq.topic", "profiles", "user.profile.*").await;
    assert_eq!(vhost.bindings("profiles").await.len(), 1);
    let publish = |key: &'static str| vhost.publish("amq.topic", key, json!({"message_id": "7"}), "{}");
    assert!(publish("user.profile.updated").await);
    assert!(!publish("user.created").await);
    let taken = vhost.take_messages("profiles", 10).await;
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0]["properties"]["message_id"], "7");

    assert!(vhost.unbind("amq.topic", "profiles", "user.profile.*").await);
    assert!(!vhost.unbind("amq.topic", "profiles", "user.profile.*").await);
    assert!(!publish("user.profile.updated").await);
}

#[tokio::test]
async fn a_queue_can_be_limited_purged_and_deleted() {
    let vhost = TestVhost::create().await;
    vhost.declare_queue("short").await;
    vhost
        .set_policy("limit", "^short$", "queues", json!({"max-length": 2}))
        .await;
    for number in 0..5 {
        vhost.publish("", "short", json!({}), &number.to_string()).await;
    }
    assert_eq!(vhost.take_messages("short", 10).await.len(), 2);
    vhost.delete_policy("limit").await;
    vhost.publish("", "short", json!({}), "again").await;
    vhost.purge("short").await;
    assert_eq!(vhost.take_messages("short", 10).await, Vec::<serde_json::Value>::new());
    vhost.delete_queue("short").await;
    vhost.delete_queue("short").await;
    assert_eq!(vhost.queue("short").await, None);
}

#[tokio::test]
async fn the_same_servers_are_given_to_every_test_of_a_run() {
    let one = for_tests().await;
    let other = for_tests().await;
    assert!(std::ptr::eq(one, other));
    assert!(one.management_url().starts_with("http://"));
}
