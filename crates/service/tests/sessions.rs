//! Sessions are what the code believes, whatever a database, a role, a pooler or a restart makes of them.

#![allow(clippy::unwrap_used)]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use dev_stack::{PoolMode, PrivatePooler, PrivatePostgres, TestDatabase};
use futures::FutureExt;
use futures::future::try_join_all;
use service::database::{DatabaseUrl, PoolOptions, connect_options, may_pass, pool, refuse_shared_sessions};
use service::{exit_code, exit_status, with_causes};
use session::{ask, is_shared, living};
use sqlx::{Connection, Executor, PgConnection, PgPool};

/// For what is done at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a database or a role may say, and what our sessions say instead.
const SAID: [(&str, &str, &str); 17] = [
    ("search_path", "elsewhere", "public"),
    ("default_transaction_isolation", "serializable", "read committed"),
    ("default_transaction_deferrable", "on", "off"),
    ("statement_timeout", "1h", "0"),
    ("idle_session_timeout", "1h", "0"),
    ("exit_on_error", "on", "off"),
    ("standard_conforming_strings", "off", "on"),
    ("transform_null_equals", "on", "off"),
    ("array_nulls", "off", "on"),
    ("DateStyle", "German, DMY", "ISO, MDY"),
    ("IntervalStyle", "iso_8601", "postgres"),
    ("TimeZone", "Asia/Tokyo", "UTC"),
    ("bytea_output", "escape", "hex"),
    ("extra_float_digits", "-15", "1"),
    ("gin_fuzzy_search_limit", "1", "0"),
    ("lock_timeout", "1ms", "3s"),
    ("idle_in_transaction_session_timeout", "1ms", "10s"),
];

async fn setting(connection: &mut PgConnection, name: &str) -> String {
    sqlx::query_scalar("SELECT current_setting($1)")
        .bind(name)
        .fetch_one(connection)
        .await
        .unwrap()
}

async fn admin(database: &TestDatabase) -> PgConnection {
    PgConnection::connect(&database.url()).await.unwrap()
}

async fn expect_own_settings(session: &mut PgConnection) {
    for (name, _, expected) in SAID {
        assert_eq!(setting(session, name).await, expected, "{name}");
    }
}

#[tokio::test]
async fn what_a_database_or_a_role_says_of_sessions_does_not_hold_in_ours() {
    let database = TestDatabase::create("said").await;
    let mut superuser = admin(&database).await;
    let role = format!("said_{}", uuid::Uuid::new_v4().simple());
    let make = format!("CREATE ROLE {role} LOGIN PASSWORD 'test'");
    superuser.execute(make.as_str()).await.unwrap();
    for (name, said, _) in SAID {
        for whose in [format!("DATABASE {}", database.name()), format!("ROLE {role}")] {
            let say = format!("ALTER {whose} SET {name} = '{said}'");
            superuser.execute(say.as_str()).await.unwrap();
        }
    }
    for url in [database.url(), database.url_as(&role, "test")] {
        let mut theirs = PgConnection::connect(&url).await.unwrap();
        assert_eq!(setting(&mut theirs, "search_path").await, "elsewhere");
        let url: DatabaseUrl = url.parse().unwrap();
        let mut own = connect_options(&url, "service tests").connect().await.unwrap();
        expect_own_settings(&mut own).await;
        let pool = pool(&url, PoolOptions::default());
        let mut pooled = pool.acquire().await.unwrap();
        assert_eq!(setting(&mut pooled, "statement_timeout").await, "5s");
        assert_eq!(setting(&mut pooled, "search_path").await, "public");
    }
    superuser
        .execute(format!("DROP OWNED BY {role}; DROP ROLE {role}").as_str())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_server_that_ends_idle_sessions_does_not_end_ours() {
    let database = TestDatabase::create("idle").await;
    let mut superuser = admin(&database).await;
    let say = format!("ALTER DATABASE {} SET idle_session_timeout = '50ms'", database.name());
    superuser.execute(say.as_str()).await.unwrap();
    let url: DatabaseUrl = database.url().parse().unwrap();
    let mut own = connect_options(&url, "service tests").connect().await.unwrap();
    let mut theirs = PgConnection::connect(&database.url()).await.unwrap();
    let gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database()
        AND pid <> pg_backend_pid() AND query NOT LIKE '%marquee.session%'";
    let ended = async {
        while !sqlx::query_scalar::<_, bool>(gone)
            .fetch_one(&mut superuser)
            .await
            .unwrap()
        {}
    };
    tokio::time::timeout(PATIENCE, ended)
        .await
        .expect("another one is ended");
    theirs.ping().await.unwrap_err();
    assert_eq!(setting(&mut own, "idle_session_timeout").await, "0");
}

#[tokio::test]
async fn the_settings_of_a_url_hold_but_for_those_that_the_code_rests_on() {
    let database = TestDatabase::create("given").await;
    let text = format!(
        "{}?options=-c%20work_mem%3D7MB%20-c%20search_path%3Dpg_catalog&options[lock_timeout]=1",
        database.url()
    );
    let mut own = connect_options(&text.parse().unwrap(), "service tests")
        .connect()
        .await
        .unwrap();
    assert_eq!(setting(&mut own, "work_mem").await, "7MB");
    assert_eq!(setting(&mut own, "lock_timeout").await, "3s");
    let unknown = format!("{}?options[no_such_setting]=1", database.url());
    let refused = connect_options(&unknown.parse().unwrap(), "service tests")
        .connect()
        .await
        .unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42704");
}

/// A pool with all the connections it may have, idle.
async fn filled(url: &str) -> PgPool {
    let pool = pool(&url.parse().unwrap(), PoolOptions::default());
    let all = (0..pool.options().get_max_connections()).map(|_| pool.acquire());
    drop(try_join_all(all).await.unwrap());
    while pool.num_idle() < pool.options().get_max_connections() as usize {
        tokio::task::yield_now().await;
    }
    pool
}

async fn one(pool: &PgPool) -> Result<i32, sqlx::Error> {
    ask(pool, |session| {
        sqlx::query_scalar("SELECT 1").fetch_one(session).boxed()
    })
    .await
}

#[tokio::test]
async fn sessions_that_were_ended_while_idle_cost_nobody_an_answer() {
    let database = TestDatabase::create("ended").await;
    let pool = filled(&database.url()).await;
    for round in 0..2 {
        database.terminate_connections().await;
        for _ in 0..pool.options().get_max_connections() {
            let answer = match round {
                0 => one(&pool).await,
                _ => {
                    let mut session = living(&pool).await.unwrap();
                    sqlx::query_scalar("SELECT 1").fetch_one(&mut *session).await
                }
            };
            assert_eq!(answer.unwrap(), 1);
        }
        drop(filled(&database.url()).await);
    }
}

#[tokio::test]
async fn a_restart_of_the_database_costs_nobody_an_answer_once_it_is_back() {
    let mut server = PrivatePostgres::start().await;
    let pool = filled(server.url()).await;
    server.stop().await;
    server.start_again().await;
    let answers = try_join_all((0..pool.options().get_max_connections() * 2).map(|_| one(&pool))).await;
    assert!(answers.unwrap().iter().all(|answer| *answer == 1));
}

#[tokio::test]
async fn behind_a_pooler_that_shares_sessions_nothing_starts_and_one_message_says_what_to_change() {
    let database = TestDatabase::create("shared").await;
    for settings in [
        &["default_pool_size = 1"][..],
        &["default_pool_size = 20"],
        &["default_pool_size = 20", "server_round_robin = 1"],
        &["default_pool_size = 20", "server_reset_query_always = 1"],
        &["ignore_startup_parameters = extra_float_digits,options"],
    ] {
        let server = dev_stack::for_tests().await.database_url();
        let pooler = PrivatePooler::start(server, PoolMode::Transaction, settings).await;
        // Others have made it open several sessions.
        let others = (0..8).map(|_| pooler.url(&database.url())).map(|url| async move {
            let mut other = connect_plain(&url).await;
            other.execute("BEGIN").await.unwrap();
            other
        });
        drop(futures::future::join_all(others.take(if settings[0].ends_with("= 1") { 1 } else { 8 })).await);
        let url: DatabaseUrl = pooler.url(&database.url()).parse().unwrap();
        let refused = connect_options(&url, "service tests").connect().await.unwrap_err();
        assert!(is_shared(&refused) && !may_pass(&refused), "{settings:?}: {refused}");
        let refused = refuse_shared_sessions("MARQUEE_EVENT_STORE_URL", &url)
            .await
            .unwrap_err();
        let text = with_causes(&refused);
        for said in ["MARQUEE_EVENT_STORE_URL", "pool_mode = session", "operations.md"] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert_eq!(exit_status(&refused), 64);
        assert_eq!(
            exit_code(Err::<(), Box<dyn Error + Send + Sync>>(refused.into())),
            ExitCode::from(64)
        );
    }
}

/// As any client does.
async fn connect_plain(url: &str) -> PgConnection {
    let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
    PgConnection::connect_with(&options.extra_float_digits(None))
        .await
        .unwrap()
}

#[tokio::test]
async fn behind_a_pooler_that_keeps_sessions_apart_they_are_as_without_it() {
    let database = TestDatabase::create("pooled").await;
    let server = dev_stack::for_tests().await.database_url();
    let pooler = PrivatePooler::start(server, PoolMode::Session, &[]).await;
    let mut superuser = admin(&database).await;
    for (name, said, _) in SAID {
        let say = format!("ALTER DATABASE {} SET {name} = '{said}'", database.name());
        superuser.execute(say.as_str()).await.unwrap();
    }
    let text = pooler.url(&database.url());
    let url: DatabaseUrl = format!("{text}?options[work_mem]=7MB").parse().unwrap();
    refuse_shared_sessions("MARQUEE_EVENT_STORE_URL", &url).await.unwrap();
    // Sessions of the server are used again.
    for _ in 0..3 {
        let mut own = connect_options(&url, "service tests").connect().await.unwrap();
        expect_own_settings(&mut own).await;
        assert_eq!(setting(&mut own, "work_mem").await, "7MB");
        assert_eq!(setting(&mut own, "application_name").await, "service tests");
        own.close().await.unwrap();
    }
    let pool = filled(&text).await;
    database.terminate_connections().await;
    let answers = try_join_all((0..10).map(|_| one(&pool))).await;
    assert_eq!(answers.unwrap(), [1; 10]);
}

#[tokio::test]
async fn a_pooler_that_hands_sessions_on_as_they_were_is_refused_too() {
    let database = TestDatabase::create("left").await;
    let server = dev_stack::for_tests().await.database_url();
    let pooler = PrivatePooler::start(server, PoolMode::Session, &["server_reset_query ="]).await;
    let url: DatabaseUrl = pooler.url(&database.url()).parse().unwrap();
    let connector = connect_options(&url, "service tests");
    connector.connect().await.unwrap().close().await.unwrap();
    let refused = connector.connect().await.unwrap_err();
    assert!(is_shared(&refused), "{refused}");
}

#[tokio::test]
async fn what_a_pooler_refuses_is_told_as_a_poolers_word() {
    let database = TestDatabase::create("full").await;
    let server = dev_stack::for_tests().await.database_url();
    let pooler = PrivatePooler::start(server, PoolMode::Session, &["max_client_conn = 1"]).await;
    let url: DatabaseUrl = pooler.url(&database.url()).parse().unwrap();
    let connector = connect_options(&url, "service tests");
    let only = connector.connect().await.unwrap();
    let refused = connector.connect().await.unwrap_err();
    let text = with_causes(&refused);
    assert!(
        text.contains("08P01") && text.contains("operations.md, PgBouncer"),
        "{text}"
    );
    assert!(may_pass(&refused), "another client may leave");
    only.close().await.unwrap();
}
