//! Asking the database through a pool: once more where a session was found to be lost, and with an end to the waiting.
//!
//! A server that was restarted, or that ends idle sessions, leaves a pool of connections of which each is dead and none knows.
//!
//! PostgreSQL bounds a statement by itself, but only a server that is reached can say so. And a pool that is given back
//! a connection with an answer still on its way waits for that answer without any limit, and lacks the connection
//! meanwhile: a network that fell silent would use up the pool, for as long as the operating system believes in it.

use std::io;
use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::{Connection, Error, PgConnection, PgPool, Postgres};
use tokio::time::timeout;

use crate::lost::is_lost;

/// Longer than any statement timeout: who comes here hears from no server at all.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a session may take to show that it lives. Another one is made in that time.
const SIGN_OF_LIFE_TIMEOUT: Duration = Duration::from_millis(500);

/// Asks on a connection of the pool, which gets it back once it has answered. One whose answer does not come in time, or
/// whose caller is gone, is closed instead. Where the session was lost, the same is asked once more on one that lives: so it must
/// be safe to repeat, also when the lost one has carried it out.
///
/// # Errors
/// What the database or the connection reports; [`io::ErrorKind::TimedOut`] without an answer in time.
pub async fn ask<T>(
    pool: &PgPool,
    question: impl for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T, Error>>,
) -> Result<T, Error> {
    match ask_once(pool.acquire().await?, &question).await {
        Err(error) if is_lost(&error) => {
            tracing::debug!(%error, "a session was lost; asking again");
            ask_once(living(pool).await?, &question).await
        }
        answer => answer,
    }
}

/// Gives a connection of the pool that has just shown that it lives: for what is not safe to repeat.
///
/// # Errors
/// As the pool's `acquire`.
pub async fn living(pool: &PgPool) -> Result<PoolConnection<Postgres>, Error> {
    let mut dead_left = pool.options().get_max_connections();
    loop {
        let mut connection = pool.acquire().await?;
        match expect_alive(&mut connection).await {
            Ok(()) => return Ok(connection),
            Err(error) if dead_left == 0 => return Err(error),
            Err(error) => tracing::debug!(%error, "a session of a pool was lost"),
        }
        dead_left -= 1;
        connection.close_on_drop();
    }
}

/// Expects a sign of life, for at most half a second.
///
/// # Errors
/// What the connection reports; [`io::ErrorKind::TimedOut`].
pub async fn expect_alive(connection: &mut PgConnection) -> Result<(), Error> {
    let sign = timeout(SIGN_OF_LIFE_TIMEOUT, connection.ping()).await;
    sign.unwrap_or_else(|_elapsed| Err(timed_out()))
}

async fn ask_once<T>(
    connection: PoolConnection<Postgres>,
    question: &impl for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T, Error>>,
) -> Result<T, Error> {
    let mut lent = Lent {
        connection,
        answered: false,
    };
    let answer = timeout(ANSWER_TIMEOUT, question(&mut lent.connection)).await;
    lent.answered = answer.as_ref().is_ok_and(|answer| !answer.as_ref().is_err_and(is_lost));
    answer.unwrap_or_else(|_elapsed| Err(timed_out()))
}

fn timed_out() -> Error {
    Error::Io(io::ErrorKind::TimedOut.into())
}

/// A connection on which an answer may be on its way.
struct Lent {
    connection: PoolConnection<Postgres>,
    answered: bool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.answered {
            self.connection.close_on_drop();
        }
    }
}
