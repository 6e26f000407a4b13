//! Roles, databases and connections, on a real PostgreSQL.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use dev_stack::{CutProxy, PrivatePostgres, TestDatabase};
use service::database::{
    DatabaseUrl, PoolOptions, connect_options, ensure_database, ensure_role, pool, pool_and_moves,
};
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;
use uuid::Uuid;

/// For what is done at once.
const PATIENCE: Duration = Duration::from_secs(20);

fn unique(prefix: &str) -> String {
    format!("{prefix}_{}", Uuid::new_v4().simple())
}

async fn admin() -> (DatabaseUrl, PgConnection) {
    let url: DatabaseUrl = dev_stack::for_tests().await.database_url().parse().unwrap();
    let connection = connect_options(&url, "service tests").connect().await.unwrap();
    (url, connection)
}

async fn setting(connection: &mut PgConnection, name: &str) -> String {
    sqlx::query_scalar("SELECT current_setting($1)")
        .bind(name)
        .fetch_one(connection)
        .await
        .unwrap()
}

async fn drop_role(admin: &mut PgConnection, role: &str) {
    sqlx::query(&format!("DROP ROLE {role}")).execute(admin).await.unwrap();
}

#[tokio::test]
async fn a_role_can_log_in_with_its_isolation_and_durability_pinned() {
    let (url, mut admin) = admin().await;
    let role = unique("role");
    ensure_role(&mut admin, &role, Some("it's a \\ secret")).await.unwrap();

    let own = url.with_credentials(&role, "it's a \\ secret");
    let mut connection = connect_options(&own, "service tests").connect().await.unwrap();
    assert_eq!(
        setting(&mut connection, "default_transaction_isolation").await,
        "read committed"
    );
    assert_eq!(setting(&mut connection, "synchronous_commit").await, "on");
    assert_eq!(setting(&mut connection, "is_superuser").await, "off");
    connection.close().await.unwrap();
    drop_role(&mut admin, &role).await;
}

#[tokio::test]
async fn a_role_is_made_once_however_many_processes_make_it_from_whatever_database() {
    let (_, mut admin) = admin().await;
    let role = unique("role");
    let (one, other) = (
        TestDatabase::create("provision").await,
        TestDatabase::create("provision").await,
    );
    let mut makers = JoinSet::new();
    for url in [one.url(), other.url()].into_iter().cycle().take(12) {
        let role = role.clone();
        makers.spawn(async move {
            let mut connection = PgConnection::connect(&url).await.unwrap();
            ensure_role(&mut connection, &role, Some("test")).await
        });
    }
    while let Some(made) = makers.join_next().await {
        made.unwrap().unwrap();
    }
    drop_role(&mut admin, &role).await;
}

#[tokio::test]
async fn a_role_keeps_its_password_when_none_is_given() {
    let (url, mut admin) = admin().await;
    let role = unique("role");
    ensure_role(&mut admin, &role, Some("first")).await.unwrap();
    ensure_role(&mut admin, &role, None).await.unwrap();
    let own = url.with_credentials(&role, "first");
    connect_options(&own, "service tests")
        .connect()
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
    drop_role(&mut admin, &role).await;
}

#[tokio::test]
async fn a_database_is_made_once_and_is_open_to_no_role_without_a_grant() {
    let (url, mut admin) = admin().await;
    let (name, role) = (unique("made"), unique("role"));
    let mut makers = JoinSet::new();
    for _ in 0..6 {
        let (url, name) = (url.clone(), name.clone());
        makers.spawn(async move {
            let mut connection = connect_options(&url, "service tests").connect().await.unwrap();
            ensure_database(&mut connection, &name).await
        });
    }
    while let Some(made) = makers.join_next().await {
        made.unwrap().unwrap();
    }
    ensure_role(&mut admin, &role, Some("test")).await.unwrap();
    let stranger = url.with_database(&name).with_credentials(&role, "test");
    let refused = connect_options(&stranger, "service tests").connect().await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42501");

    let mut made = connect_options(&url.with_database(&name), "service tests")
        .connect()
        .await
        .unwrap();
    assert_eq!(setting(&mut made, "server_encoding").await, "UTF8");
    made.close().await.unwrap();
    sqlx::query(&format!("DROP DATABASE {name}"))
        .execute(&mut admin)
        .await
        .unwrap();
    drop_role(&mut admin, &role).await;
}

#[tokio::test]
async fn a_database_that_is_closed_is_left_alone_while_another_process_changes_its_privileges() {
    let (url, mut admin) = admin().await;
    let name = unique("granted");
    ensure_database(&mut admin, &name).await.unwrap();
    let mut other = connect_options(&url, "service tests").connect().await.unwrap();
    let mut migrating = other.begin().await.unwrap();
    sqlx::query(&format!("GRANT CONNECT ON DATABASE {name} TO pg_monitor"))
        .execute(&mut *migrating)
        .await
        .unwrap();

    let again = tokio::time::timeout(PATIENCE, ensure_database(&mut admin, &name)).await;
    again.expect("it waits for nobody").unwrap();
    migrating.rollback().await.unwrap();

    for open in ["CONNECT", "TEMPORARY"] {
        sqlx::query(&format!("GRANT {open} ON DATABASE {name} TO PUBLIC"))
            .execute(&mut admin)
            .await
            .unwrap();
        ensure_database(&mut admin, &name).await.unwrap();
        let is_open: bool = sqlx::query_scalar("SELECT has_database_privilege('public', $1, 'CONNECT, TEMPORARY')")
            .bind(&name)
            .fetch_one(&mut admin)
            .await
            .unwrap();
        assert!(!is_open, "{open}");
    }
    sqlx::query(&format!("DROP DATABASE {name}"))
        .execute(&mut admin)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_admins_own_timeouts_are_back_afterwards() {
    let (_, mut admin) = admin().await;
    let role = unique("role");
    let before = setting(&mut admin, "lock_timeout").await;
    ensure_role(&mut admin, &role, None).await.unwrap();
    assert_eq!(setting(&mut admin, "lock_timeout").await, before);
    drop_role(&mut admin, &role).await;
}

#[tokio::test]
async fn a_pools_connections_are_named_and_bounded() {
    let database = TestDatabase::create("pool").await;
    let url = database.url().parse().unwrap();
    let options = PoolOptions {
        application_name: "bounded",
        statement_timeout: Duration::from_millis(50),
        ..PoolOptions::default()
    };
    let pool = pool(&url, options);
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(setting(&mut connection, "application_name").await, "bounded");
    for bounded in [
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "tcp_keepalives_idle",
    ] {
        assert_ne!(setting(&mut connection, bounded).await, "0", "{bounded}");
    }
    let slow = sqlx::query("SELECT pg_sleep(60)")
        .execute(&mut *connection)
        .await
        .unwrap_err();
    assert_eq!(slow.as_database_error().unwrap().code().unwrap(), "57014");
}

/// A primary, its standby, and one url of both.
async fn pair() -> (PrivatePostgres, PrivatePostgres, DatabaseUrl) {
    let primary = PrivatePostgres::start().await;
    let standby = primary.start_standby().await;
    let url = of_both(primary.url(), standby.url());
    (primary, standby, url)
}

fn of_both(primary: &str, standby: &str) -> DatabaseUrl {
    let of = |url: &str| url.split_once('@').unwrap().1.trim_end_matches("/postgres").to_owned();
    // The standby comes first: the order must not matter.
    let both = format!("{},{}", of(standby), of(primary));
    primary.replace(&of(primary), &both).parse().unwrap()
}

#[tokio::test]
async fn whichever_address_is_the_primary_is_connected_to_and_a_pool_follows_it() {
    let (mut primary, standby, url) = pair().await;
    let pool = pool(&url, PoolOptions::default());
    let write = async || {
        sqlx::query("CREATE TABLE IF NOT EXISTS kept (id int)")
            .execute(&pool)
            .await
    };
    write().await.unwrap();
    let mut connection = connect_options(&url, "service tests").connect().await.unwrap();
    assert_eq!(setting(&mut connection, "transaction_read_only").await, "off");

    primary.kill().await;
    let nobody = connect_options(&url, "service tests")
        .connect()
        .await
        .unwrap_err()
        .to_string();
    for said in ["none of the addresses is a primary", "takes no writes", "refused"] {
        assert!(nobody.contains(said), "{said}: {nobody}");
    }
    standby.promote().await;
    let mut connection = connect_options(&url, "service tests").connect().await.unwrap();
    assert_eq!(setting(&mut connection, "transaction_read_only").await, "off");
    let writing = async { while write().await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(30), writing)
        .await
        .expect("the pool moves");
}

#[tokio::test]
async fn a_primary_that_comes_back_after_it_was_replaced_is_passed_over() {
    let (mut primary, standby, url) = pair().await;
    primary.kill().await;
    standby.promote().await;
    primary.start_again().await;
    let mut connection = connect_options(&url, "service tests").connect().await.unwrap();
    let port = setting(&mut connection, "port").await;
    assert!(standby.url().contains(&format!(":{port}/")), "{port}");
}

#[tokio::test]
async fn a_pool_leaves_a_primary_that_fell_silent_and_stays_away_when_it_is_heard_again() {
    let primary = PrivatePostgres::start().await;
    let standby = primary.start_standby().await;
    let (proxy, through) = CutProxy::to_url(primary.url()).await.unwrap();
    let pool = pool(&of_both(&through, standby.url()), PoolOptions::default());
    sqlx::query("CREATE TABLE kept (id int)").execute(&pool).await.unwrap();

    proxy.freeze(true);
    standby.promote().await;
    let port = async || {
        let mut connection = pool.acquire().await.ok()?;
        // No answer may come on it.
        connection.close_on_drop();
        let asking = sqlx::query_scalar("SELECT current_setting('port')").fetch_one(&mut *connection);
        let answered: Result<String, sqlx::Error> = tokio::time::timeout(Duration::from_secs(1), asking).await.ok()?;
        answered.ok()
    };
    let asking = async {
        loop {
            if let Some(port) = port().await {
                return port;
            }
        }
    };
    let moved = tokio::time::timeout(Duration::from_secs(30), asking)
        .await
        .expect("the pool moves");
    assert!(standby.url().contains(&format!(":{moved}/")), "{moved}");
    proxy.freeze(false);
    assert_eq!(port().await, Some(moved));
}

#[tokio::test]
async fn what_all_addresses_refuse_for_good_is_reported_as_it_was_said() {
    let (mut primary, standby, url) = pair().await;
    let code = async |url: DatabaseUrl| {
        let error = connect_options(&url, "service tests").connect().await.unwrap_err();
        error
            .as_database_error()
            .and_then(|error| Some(error.code()?.into_owned()))
    };
    let wrong = url.with_credentials("postgres", "wrong");
    assert_eq!(code(wrong.clone()).await.as_deref(), Some("28P01"));
    assert_eq!(code(url.with_database("missing")).await.as_deref(), Some("3D000"));
    // The one that is away may know better.
    primary.stop().await;
    assert_eq!(code(wrong).await, None);
    drop(standby);
}

#[tokio::test]
async fn a_silent_address_holds_nobody_up_for_long_and_one_name_that_moves_is_followed() {
    let primary = PrivatePostgres::start().await;
    let standby = primary.start_standby().await;
    let (silent, through) = CutProxy::to_url(standby.url()).await.unwrap();
    silent.freeze(true);
    let started = Instant::now();
    let url = of_both(primary.url(), &through);
    connect_options(&url, "service tests").connect().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());

    let (proxy, through) = CutProxy::to_url(primary.url()).await.unwrap();
    let one = format!("{through}?target_session_attrs=read-write").parse().unwrap();
    let (pool, mut moves) = pool_and_moves(&one, PoolOptions::default());
    drop(pool.acquire().await.unwrap());
    assert!(moves.borrow().is_none());
    // Again, where the pool had not found it yet.
    let following = async {
        while moves.borrow().is_none() {
            let connections = proxy.accepted_connections();
            proxy.freeze(true);
            // Each look makes a connection, once the one that watches is given up.
            while proxy.accepted_connections() == connections {
                tokio::task::yield_now().await;
            }
            proxy.freeze(false);
            let _ = tokio::time::timeout(Duration::from_secs(5), moves.wait_for(Option::is_some)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), following)
        .await
        .expect("it is found again");
}
