//! A transaction whose session is lost at any moment happens once.

use std::ops::ControlFlow;
use std::time::Duration;

use dev_stack::PrivatePostgres;
use futures::FutureExt;
use session::{is_lost, transact};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, Error, Executor, PgConnection, PgPool};
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(30);
/// Ends the session that waits in that way, and counts it.
const END: &str = "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE application_name = 'one that acts' AND wait_event = $1";

/// Ends the acting session as soon as it waits.
async fn end_when_it_waits(admin: &mut PgConnection, for_what: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let ended = sqlx::query_scalar(END).bind(for_what).fetch_one(&mut *admin);
        let ended: i64 = ended.await.expect("the sessions");
        if ended == 1 {
            return;
        }
        assert!(Instant::now() < deadline, "it never waited for {for_what}");
        sleep(Duration::from_millis(10)).await;
    }
}

async fn add(tx: &mut PgConnection, value: i64) -> Result<ControlFlow<i64, i64>, Error> {
    let add = sqlx::query_scalar("INSERT INTO acts (value) VALUES ($1) RETURNING value");
    Ok(ControlFlow::Continue(add.bind(value).fetch_one(tx).await?))
}

async fn act(pool: &PgPool, value: i64) -> Result<i64, Error> {
    transact(pool, &value, is_lost, |tx, value| add(tx, *value).boxed()).await
}

#[tokio::test]
async fn a_transaction_whose_session_is_lost_before_at_or_after_its_commit_happens_once() {
    let server = PrivatePostgres::start().await;
    let mut admin = PgConnection::connect(server.url()).await.expect("a session");
    admin
        .execute(
            "CREATE TABLE acts (value bigint NOT NULL);
             CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$;
             CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON acts DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION wait_at_commit()",
        )
        .await
        .expect("a table");
    let separator = if server.url().contains('?') { '&' } else { '?' };
    let url = format!("{}{separator}application_name=one%20that%20acts", server.url());
    let pool = PgPoolOptions::new().connect_lazy(&url).expect("a pool");

    let mut other = PgConnection::connect(server.url()).await.expect("a session");
    // Before the commit: in the middle of a statement.
    let mut holding = other.begin().await.expect("a transaction");
    holding
        .execute("LOCK TABLE acts IN EXCLUSIVE MODE")
        .await
        .expect("a lock");
    let ending = async {
        end_when_it_waits(&mut admin, "relation").await;
        holding.rollback().await.expect("the lock given back");
    };
    let (acted, ()) = tokio::join!(act(&pool, 1), ending);
    assert_eq!(acted.expect("carried out"), 1);

    // At the commit, which then has not happened.
    other.execute("SELECT pg_advisory_lock(7)").await.expect("a lock");
    let ending = async {
        end_when_it_waits(&mut admin, "advisory").await;
        other
            .execute("SELECT pg_advisory_unlock(7)")
            .await
            .expect("the lock given back");
    };
    let (acted, ()) = tokio::join!(act(&pool, 2), ending);
    assert_eq!(acted.expect("carried out"), 2);

    // After the commit, before its answer: it waits for a standby that never comes.
    server.set_synchronous(true).await;
    let ending = end_when_it_waits(&mut admin, "SyncRep");
    let (acted, ()) = tokio::join!(act(&pool, 3), ending);
    assert_eq!(acted.expect("carried out"), 3);

    let values: Vec<i64> = sqlx::query_scalar("SELECT value FROM acts ORDER BY value")
        .fetch_all(&mut admin)
        .await
        .expect("what was done");
    assert_eq!(values, [1, 2, 3]);
}
