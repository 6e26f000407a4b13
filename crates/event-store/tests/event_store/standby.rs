//! Where commits wait for a standby: what the standby lacks is not answered, however the wait ended.

use std::pin::pin;
use std::time::Duration;

use dev_stack::{CutProxy, PrivatePostgres};
use event_store::{ExecuteError, Outcome, StoreError, WriterConfig};
use futures::future::join_all;
use futures::poll;
use sqlx::{Connection, PgConnection};

use crate::setup::{Log, Process, accepted, keyed, register, set_profile, until};

async fn replicated() -> (PrivatePostgres, PrivatePostgres, Log) {
    let primary = PrivatePostgres::start().await;
    let log = Log::create_on(&primary).await;
    let standby = primary.start_standby().await;
    primary.set_synchronous(true).await;
    (primary, standby, log)
}

/// A command API whose appends, and each attempt at one, may take so many milliseconds.
fn process(log: &Log, append: u64, attempt: u64) -> Process {
    let config = WriterConfig {
        append_timeout: Duration::from_millis(append),
        attempt_timeout: Duration::from_millis(attempt),
        ..WriterConfig::default()
    };
    log.process_with(config, log.url_as("marquee_command_api"))
}

/// Waits until a session waits for the standby in such a statement, and gives its id.
async fn waiting_session(admin: &mut PgConnection, statement: &str) -> i32 {
    let mut session = None;
    until(async || {
        session = sqlx::query_scalar("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query ~ $1")
            .bind(statement)
            .fetch_optional(&mut *admin)
            .await
            .expect("activity");
        session.is_some()
    })
    .await;
    session.expect("found")
}

async fn end_wait(admin: &mut PgConnection, by: &str) {
    let session = waiting_session(admin, "append_batch").await;
    sqlx::query(&format!("SELECT {by}($1)"))
        .bind(session)
        .execute(admin)
        .await
        .expect(by);
}

async fn events(admin: &mut PgConnection) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM events")
        .fetch_one(admin)
        .await
        .expect("count")
}

#[tokio::test]
async fn a_commit_whose_wait_for_the_standby_is_ended_is_answered_when_the_standby_has_it() {
    let (mut primary, mut standby, log) = replicated().await;
    let process = process(&log, 60_000, 30_000);
    let mut admin = log.admin().await;
    for (n, by) in (1..).zip(["pg_cancel_backend", "pg_terminate_backend"]) {
        accepted(process.execute(by, register("Ada")).await);
        standby.stop().await;
        let mut executing = pin!(process.execute(by, set_profile("Ada Lovelace")));
        let ending = async {
            end_wait(&mut admin, by).await;
            until(async || events(&mut admin).await == 2 * n).await;
            waiting_session(&mut admin, "pg_logical_emit_message").await;
        };
        tokio::select! {
            early = &mut executing => panic!("{by}: answered without the standby: {early:?}"),
            () = ending => {}
        }
        assert!(poll!(&mut executing).is_pending(), "{by}");
        standby.start_again().await;
        assert_eq!(accepted(executing.await).2, 1, "{by}");
    }

    let url = log.database.url().replace(
        primary.url().trim_end_matches("/postgres"),
        standby.url().trim_end_matches("/postgres"),
    );
    primary.kill().await;
    standby.promote().await;
    let mut promoted = PgConnection::connect(&url).await.expect("the promoted standby");
    assert_eq!(events(&mut promoted).await, 4, "each once");
}

#[tokio::test]
async fn a_command_that_the_standby_lacks_is_unknown_and_so_is_its_repetition_until_the_standby_has_it() {
    let (mut primary, mut standby, log) = replicated().await;
    let process = process(&log, 1_500, 1_000);
    let mut admin = log.admin().await;
    standby.stop().await;
    let command = async || process.execute_with("1", register("Ada"), keyed("k", "hash")).await;
    let (unknown, ()) = tokio::join!(command(), end_wait(&mut admin, "pg_cancel_backend"));
    let no_op = process.execute("1", set_profile("Ada")).await;
    for executed in [unknown, command().await, no_op] {
        assert!(
            matches!(executed, Err(ExecuteError::Store(StoreError::OutcomeUnknown))),
            "{executed:?}"
        );
    }

    // A server that starts again shows what it has, whether the standby has it or not.
    admin.close().await.expect("close");
    primary.stop().await;
    primary.start_again().await;
    let mut again = None;
    until(async || {
        let executed = command().await;
        let is_away = matches!(executed, Err(ExecuteError::Store(StoreError::Unavailable(_))));
        again = Some(executed);
        !is_away
    })
    .await;
    assert!(
        matches!(again, Some(Err(ExecuteError::Store(StoreError::OutcomeUnknown)))),
        "{again:?}"
    );
    standby.start_again().await;
    until(async || matches!(command().await, Ok(Outcome::Replayed(_)))).await;
    assert_eq!(log.assert_unbroken().await, 1);
}

/// How many transactions have written something.
async fn writing_transactions(admin: &mut PgConnection) -> i64 {
    sqlx::query_scalar("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        .fetch_one(admin)
        .await
        .expect("snapshot")
}

#[tokio::test]
async fn commands_repeated_while_the_standby_is_away_share_a_session_and_a_write() {
    let (_primary, mut standby, log) = replicated().await;
    let process = process(&log, 60_000, 4_000);
    let mut admin = log.admin().await;
    let command = async |id: &String| process.execute_with(id, register("Ada"), keyed(id, "hash")).await;
    let ids: Vec<String> = (0..20).map(|id| id.to_string()).collect();
    for executed in join_all(ids.iter().map(&command)).await {
        accepted(executed);
    }
    standby.stop().await;
    let before = writing_transactions(&mut admin).await;
    let back = async {
        waiting_session(&mut admin, "pg_logical_emit_message").await;
        standby.start_again().await;
    };
    let (repeated, ()) = tokio::join!(join_all(ids.iter().map(&command)), back);
    for executed in repeated {
        assert!(matches!(executed, Ok(Outcome::Replayed(_))), "{executed:?}");
    }
    let writes = writing_transactions(&mut admin).await - before;
    assert!((1..10).contains(&writes), "{writes}");
}

#[tokio::test]
async fn the_first_repetition_after_a_restart_of_the_primary_is_answered() {
    let (mut primary, _standby, log) = replicated().await;
    let process = log.process();
    let command = async || process.execute_with("1", register("Ada"), keyed("k", "hash")).await;
    accepted(command().await);
    assert!(matches!(command().await, Ok(Outcome::Replayed(_))));
    primary.stop().await;
    primary.start_again().await;
    let mut again = None;
    until(async || {
        let executed = command().await;
        let is_away = matches!(executed, Err(ExecuteError::Store(StoreError::Unavailable(_))));
        again = Some(executed);
        !is_away
    })
    .await;
    assert!(matches!(again, Some(Ok(Outcome::Replayed(_)))), "{again:?}");
}

#[tokio::test]
async fn a_primary_that_fell_silent_and_was_replaced_is_appended_to_no_more_when_it_is_heard_again() {
    let primary = PrivatePostgres::start().await;
    let log = Log::create_on(&primary).await;
    let standby = primary.start_standby().await;
    let address = |url: &str| {
        url.split_once('@')
            .expect("a user")
            .1
            .split_once('/')
            .expect("a path")
            .0
            .to_owned()
    };
    let (proxy, through) = CutProxy::to_url(primary.url()).await.expect("proxy");
    let both = format!("{},{}", address(&through), address(standby.url()));
    let old_url = log.database.url_as("marquee_command_api", "test");
    let url = old_url.replace(&address(&old_url), &both).parse().expect("url");
    let (process, mut moves) = Process::following(&url);
    accepted(process.execute("1", register("Ada")).await);
    let admin_url = log.database.url();
    let new_url = admin_url.replace(&address(&admin_url), &address(standby.url()));
    let mut new = PgConnection::connect(&new_url).await.expect("the standby");
    until(async || events(&mut new).await == 1).await;

    proxy.freeze(true);
    standby.promote().await;
    moves.wait_for(|moved| moved.is_some()).await.expect("the pool moves");
    proxy.freeze(false);
    accepted(process.execute("2", register("Bob")).await);
    assert_eq!(events(&mut new).await, 2);
    assert_eq!(events(&mut log.admin().await).await, 1, "nothing on the old one");
}

#[tokio::test]
async fn a_warning_beside_an_answer_counts_only_where_commits_wait_for_a_standby() {
    let log = Log::create().await;
    log.tamper(
        "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN RAISE WARNING ''the end is near''; RETURN NULL; END'",
    )
    .await;
    log.tamper("CREATE TRIGGER warn AFTER INSERT ON events EXECUTE FUNCTION warn()")
        .await;
    accepted(log.process().execute("1", register("Ada")).await);
}
