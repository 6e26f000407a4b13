//! The hint that there is something new in the log, for readers in this process and in others.
//!
//! A hint may be lost: readers poll anyway. It is sent outside the appending transaction, since a transaction with
//! NOTIFY holds a lock of the whole server over its commit, and coalesced, so that it costs little under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::Position;
use sqlx::{Connection, PgConnection};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::connect::Connect;

/// The channel of PostgreSQL's LISTEN and NOTIFY on which the hint is sent, in the event store's database. The
/// payload is the position that the log reaches; without one the reader looks.
pub const WAKE_CHANNEL: &str = "marquee_log";

const PAUSE: Duration = Duration::from_millis(5);
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(2);
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// How far the log has grown, told to one reader. Who has read that far already need not look.
#[derive(Debug, Default)]
pub struct Hint {
    /// The furthest position told and not yet heard.
    position: AtomicI64,
    told: Notify,
}

impl Hint {
    /// Tells that the log reaches a position.
    pub fn tell(&self, position: Position) {
        self.position.fetch_max(position.0, Ordering::Relaxed);
        self.told.notify_one();
    }

    /// Waits until something was told, and gives the furthest position of what was. Cancel safe.
    pub async fn told(&self) -> Position {
        self.told.notified().await;
        Position(self.position.swap(0, Ordering::Relaxed))
    }
}

/// Sends one NOTIFY, with the furthest position, for all that was told since the last one, until stopped. Failures only
/// cost hints.
pub(crate) async fn notify_others(appended: Arc<Hint>, connect: Connect, stop: CancellationToken) {
    let mut connection: Option<PgConnection> = None;
    let mut moved = connect.moved();
    while let Some(position) = stop.run_until_cancelled(appended.told()).await {
        if moved != connect.moved() {
            moved = connect.moved();
            connection = None;
        }
        let sent = timeout(NOTIFY_TIMEOUT, send(&mut connection, &connect, position)).await;
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

async fn send(connection: &mut Option<PgConnection>, connect: &Connect, position: Position) -> Result<(), sqlx::Error> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(connect.connect().await?),
    };
    // A hint need not survive a crash of the server: no reason to wait for its disk. That is so of this transaction, and of
    // nothing else in whatever session it is.
    sqlx::query("SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)")
        .bind(WAKE_CHANNEL)
        .bind(position.0.to_string())
        .execute(connection)
        .await?;
    Ok(())
}
