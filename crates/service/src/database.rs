//! Connections to PostgreSQL: the url, the pool, and the roles and databases a deployment needs.

mod addresses;
mod certificates;
mod connector;
mod follow;
mod options;
mod own;
mod parameters;
mod provision;
mod url;

use std::time::Duration;

use session::is_shared;
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::sync::watch;
use tokio::time::Instant;

pub use certificates::InvalidCertificates;
pub use connector::Connector;
pub use own::{UnusableDatabase, is_of_shared_sessions, refuse_shared_sessions};
pub use provision::{ensure_database, ensure_role};
pub use url::{DatabaseUrl, InvalidDatabaseUrl};

/// How long a statement waits for a lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a transaction may be open without a statement; a client that hangs must not hold its locks.
const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an unused connection stays in a pool.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// `cannot_connect_now` (starting up), `admin_shutdown`, `crash_shutdown` and `too_many_connections`: what the database says of
/// itself and not of us.
const PASSING: [&str; 4] = ["57P03", "57P01", "57P02", "53300"];

/// What a pool is for and what it may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolOptions {
    /// The name the server shows in `pg_stat_activity`.
    pub application_name: &'static str,
    /// The most connections at a time.
    pub connections_max: u32,
    /// How long a caller waits for a connection, connecting included.
    pub acquire_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            application_name: "marquee",
            connections_max: 5,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
        }
    }
}

/// Makes a pool. Nothing is connected before the first use, so a database that is away is no reason not to start.
///
/// Where the url has several addresses, or says that the primary is meant, the pool follows the primary, until it is closed.
///
/// Must be called inside a tokio runtime.
pub fn pool(url: &DatabaseUrl, options: PoolOptions) -> PgPool {
    pool_and_moves(url, options).0
}

/// Makes a [`pool`], and gives when it moved last, for who keeps a connection of its own: one made before is to be given up.
/// Never, where the pool does not follow the primary.
///
/// Must be called inside a tokio runtime.
pub fn pool_and_moves(url: &DatabaseUrl, options: PoolOptions) -> (PgPool, watch::Receiver<Option<Instant>>) {
    let connect = connect_options(url, options.application_name)
        .options([("statement_timeout", options.statement_timeout.as_millis())]);
    let pool = PgPoolOptions::new()
        .max_connections(options.connections_max)
        .acquire_timeout(options.acquire_timeout)
        .idle_timeout(IDLE_TIMEOUT)
        // A ping would double the round trips of a short query; who was idle for a while is asked for one below.
        .test_before_acquire(false);
    follow::pool(pool, connect)
}

/// How a single connection is made, to the primary if the url has several addresses: with a name, a bound on waiting for
/// locks and on idle transactions, and keepalives by which the server finds out within about 15 seconds that the client is gone.
///
/// There is no bound on a statement or on idleness, whatever the server, the database or the role say: the caller knows what it
/// runs. Whatever else they say that matters is said anew, too: see [`session::Settings`]. No statement is compiled: where a table has no statistics the
/// planner takes a moment's statement for a long one, and compiling it costs more than it takes (seen: 16 ms for each 5,000
/// events read).
pub fn connect_options(url: &DatabaseUrl, application_name: &str) -> Connector {
    Connector::new(url, application_name)
        .options([
            ("lock_timeout", LOCK_TIMEOUT.as_millis()),
            (
                "idle_in_transaction_session_timeout",
                IDLE_IN_TRANSACTION_TIMEOUT.as_millis(),
            ),
            ("tcp_keepalives_idle", 5),
            ("tcp_keepalives_interval", 2),
            ("tcp_keepalives_count", 5),
            ("tcp_user_timeout", 15_000),
        ])
        .options([("jit", "off")])
}

/// Tells whether a failure to connect may pass by waiting, unlike a refused login, a missing database or a wrong certificate.
pub fn may_pass(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    !is_untrusted(error) && !is_shared(error) && code.is_none_or(|code| PASSING.contains(&code.as_ref()))
}

/// Tells whether the server could not prove that it is the one that is meant, or refused to be asked: waiting does not help.
pub fn is_untrusted(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Tls(_) => true,
        sqlx::Error::Io(error) => error
            .get_ref()
            .is_some_and(|inner| matches!(inner.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))),
        _ => false,
    }
}
