//! Hints that there is something new in the log: from this process and, by NOTIFY, from others. Any may be lost.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use domain::Position;
use event_store::{Hint, WAKE_CHANNEL};
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

const LISTEN_AGAIN_PAUSE: Duration = Duration::from_secs(1);
/// How long nothing is heard before the server is asked whether it is still there.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long it may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// What is heard in a hint that tells no position.
const ANY_POSITION: Position = Position(i64::MAX);

/// Both sources of hints.
pub(crate) struct Wake {
    in_process: Arc<Hint>,
    notified: Arc<Hint>,
    _listener: AbortOnDropHandle<()>,
}

impl Wake {
    /// Begins to listen, on a connection of its own to where the pool's lead.
    pub(crate) fn new(in_process: Arc<Hint>, pool: PgPool) -> Self {
        let notified = Arc::<Hint>::default();
        let listener = tokio::spawn(listen(pool, notified.clone()));
        Self {
            in_process,
            notified,
            _listener: AbortOnDropHandle::new(listener),
        }
    }

    /// Waits for a hint, and gives how far the log reaches by it. Cancel safe: one that came meanwhile is kept.
    pub(crate) async fn woken(&self) -> Position {
        tokio::select! {
            position = self.in_process.told() => position,
            position = self.notified.told() => position,
        }
    }
}

async fn listen(pool: PgPool, notified: Arc<Hint>) {
    loop {
        if let Err(error) = listen_until_it_fails(&pool, &notified).await {
            tracing::debug!(%error, "cannot listen for hints; polling goes on");
        }
        sleep(LISTEN_AGAIN_PAUSE).await;
    }
}

async fn listen_until_it_fails(pool: &PgPool, notified: &Hint) -> Result<(), sqlx::Error> {
    // Not of the pool: a listener that is dropped says goodbye first, and would use up the pool at a host that is silent.
    let own = pool
        .options()
        .clone()
        .max_connections(1)
        .acquire_timeout(ANSWER_TIMEOUT)
        .connect_lazy_with(pool.connect_options().as_ref().clone());
    let mut listener = PgListener::connect_with(&own).await?;
    in_time(listener.listen(WAKE_CHANNEL)).await?;
    loop {
        let Ok(hint) = timeout(SILENCE_MAX, listener.try_recv()).await else {
            in_time(sqlx::query("SELECT 1").execute(&mut listener)).await?;
            continue;
        };
        // `None` is a connection that was lost and made again: hints may have been missed, so it is one itself.
        let position = hint?.and_then(|hint| hint.payload().parse().ok());
        notified.tell(position.map_or(ANY_POSITION, Position));
    }
}

async fn in_time<T>(asking: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let answer = timeout(ANSWER_TIMEOUT, asking).await;
    answer.unwrap_or_else(|_elapsed| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())))
}
