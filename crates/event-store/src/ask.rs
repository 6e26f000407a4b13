//! Asking the database through a pool, with an end to the waiting.
//!
//! PostgreSQL bounds a statement by itself, but only a server that is reached can say so. And a pool that is given back
//! a connection with an answer still on its way waits for that answer without any limit, and lacks the connection
//! meanwhile: a network that fell silent would use up the pool, for as long as the operating system believes in it.

use std::io;
use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::time::timeout;

/// Longer than any statement timeout: who comes here hears from no server at all.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Asks on a connection of the pool, which gets it back once it has answered. One whose answer does not come in time, or
/// whose caller is gone, is closed instead.
///
/// # Errors
/// What the database or the connection reports; [`io::ErrorKind::TimedOut`] without an answer in time.
pub(crate) async fn ask<T>(
    pool: &PgPool,
    question: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let mut lent = Lent {
        connection: pool.acquire().await?,
        answered: false,
    };
    let answer = timeout(ANSWER_TIMEOUT, question(&mut lent.connection)).await;
    lent.answered = answer.is_ok();
    answer.unwrap_or_else(|_elapsed| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())))
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
