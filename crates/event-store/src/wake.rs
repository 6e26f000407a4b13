//! The hint that there is something new in the log, for readers in this process and in others.
//!
//! A hint may be lost: readers poll anyway. It is sent outside the appending transaction, since a transaction with
//! NOTIFY holds a lock of the whole server over its commit, and coalesced, so that it costs little under load.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The channel of PostgreSQL's LISTEN and NOTIFY on which the hint is sent, in the event store's database.
pub const WAKE_CHANNEL: &str = "marquee_log";

const PAUSE: Duration = Duration::from_millis(5);
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(2);
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// Sends one NOTIFY for all the signals that came since the last one, until stopped. Failures only cost hints.
pub(crate) async fn notify_others(appended: Arc<Notify>, options: PgConnectOptions, stop: CancellationToken) {
    let mut connection: Option<PgConnection> = None;
    // A hint need not survive a crash of the server: no reason to wait for its disk.
    let options = options.options([("synchronous_commit", "off")]);
    while stop.run_until_cancelled(appended.notified()).await.is_some() {
        let sent = timeout(NOTIFY_TIMEOUT, send(&mut connection, &options)).await;
        let pause = match sent {
            Ok(Ok(())) => PAUSE,
            _ => {
                connection = None;
                RECONNECT_PAUSE
            }
        };
        stop.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
    if let Some(connection) = connection {
        let _ = timeout(NOTIFY_TIMEOUT, connection.close()).await;
    }
}

async fn send(connection: &mut Option<PgConnection>, options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(options.connect().await?),
    };
    sqlx::query("SELECT pg_notify($1, '')")
        .bind(WAKE_CHANNEL)
        .execute(connection)
        .await?;
    Ok(())
}
