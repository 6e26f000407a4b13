//! A transaction that is carried out once, also where its session is lost on the way.
//!
//! A session that is lost before the commit has done nothing, so the same is done on another one. Of one that is lost at the
//! commit PostgreSQL still knows whether the transaction was committed.

use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::{Connection, Error, PgConnection, PgPool};
use tokio::time::{Instant, sleep};

use crate::ask::living;
use crate::lost::is_lost;

/// How often a transaction is begun.
const ATTEMPTS_MAX: u32 = 3;
/// How long a server may take to end the session of a client that it has lost, with the transaction in it.
const OUTCOME_TIMEOUT: Duration = Duration::from_secs(2);
const OUTCOME_POLL: Duration = Duration::from_millis(20);

/// Carries out a transaction on a session of the pool that has just shown that it lives: begun again where the session was lost and
/// nothing was committed. `work`, which is told what is `given`, ends with [`ControlFlow::Continue`] for what is to be committed, and with
/// [`ControlFlow::Break`] where nothing is to be changed; `was_lost` tells of an error of `work` whether it is the loss of the session.
///
/// # Errors
/// What `work` ends with, or the database; when it cannot be found out whether the commit has happened, the loss of the session.
pub async fn transact<C, T, E: From<Error>>(
    pool: &PgPool,
    given: &C,
    was_lost: fn(&E) -> bool,
    work: impl for<'c> Fn(&'c mut PgConnection, &'c C) -> BoxFuture<'c, Result<ControlFlow<T, T>, E>>,
) -> Result<T, E> {
    let mut attempts_left = ATTEMPTS_MAX;
    loop {
        attempts_left -= 1;
        match attempt(pool, given, &work).await {
            Ok(Some(done)) => return Ok(done),
            // Nothing was committed.
            Ok(None) if attempts_left > 0 => {}
            Ok(None) => return Err(Error::Io(ErrorKind::ConnectionAborted.into()).into()),
            Err(error) if attempts_left > 0 && was_lost(&error) => {}
            Err(error) => return Err(error),
        }
        tracing::debug!("a session was lost in a transaction; it is begun again");
    }
}

/// Tries it once; none when the session was lost at the commit and nothing was committed.
async fn attempt<C, T, E: From<Error>>(
    pool: &PgPool,
    given: &C,
    work: &impl for<'c> Fn(&'c mut PgConnection, &'c C) -> BoxFuture<'c, Result<ControlFlow<T, T>, E>>,
) -> Result<Option<T>, E> {
    let mut connection = living(pool).await?;
    let mut tx = connection.begin().await?;
    let done = match work(&mut tx, given).await? {
        ControlFlow::Continue(done) => done,
        ControlFlow::Break(done) => return Ok(Some(done)),
    };
    let number: Option<String> = sqlx::query_scalar("SELECT pg_catalog.pg_current_xact_id_if_assigned()::text")
        .fetch_one(&mut *tx)
        .await?;
    match (tx.commit().await, number) {
        (Ok(()), _) => Ok(Some(done)),
        (Err(error), Some(number)) if is_lost(&error) => {
            connection.close_on_drop();
            match is_committed(pool, &number).await {
                Some(true) => Ok(Some(done)),
                Some(false) => Ok(None),
                None => Err(unknown(error).into()),
            }
        }
        (Err(error), _) => Err(error.into()),
    }
}

/// The loss of a session at a commit of which nobody knows: not to be taken for one that has committed nothing.
fn unknown(error: Error) -> Error {
    Error::Io(io::Error::new(ErrorKind::TimedOut, error))
}

/// Asks what became of a transaction, until it has ended; none if that cannot be found out in time.
async fn is_committed(pool: &PgPool, number: &str) -> Option<bool> {
    let give_up_at = Instant::now() + OUTCOME_TIMEOUT;
    loop {
        let mut session = living(pool).await.ok()?;
        let status: Result<Option<String>, Error> =
            sqlx::query_scalar("SELECT pg_catalog.pg_xact_status($1::text::xid8)")
                .bind(number)
                .fetch_one(&mut *session)
                .await;
        match status.ok()??.as_str() {
            "committed" => return Some(true),
            "aborted" => return Some(false),
            _in_progress if Instant::now() >= give_up_at => return None,
            _in_progress => sleep(OUTCOME_POLL).await,
        }
    }
}
