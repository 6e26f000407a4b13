//! Hints that there is something new in the log: from this process and, by NOTIFY, from others. Any may be lost.

use std::sync::Arc;
use std::time::Duration;

use domain::Position;
use event_store::{Hint, WAKE_CHANNEL};
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

const LISTEN_AGAIN_PAUSE: Duration = Duration::from_secs(1);
/// What is heard in a hint that tells no position.
const ANY_POSITION: Position = Position(i64::MAX);

/// Both sources of hints.
pub(crate) struct Wake {
    in_process: Arc<Hint>,
    notified: Arc<Hint>,
    _listener: AbortOnDropHandle<()>,
}

impl Wake {
    /// Begins to listen, on one connection of the pool.
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
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(WAKE_CHANNEL).await?;
    loop {
        // `None` is a connection that was lost and made again: hints may have been missed, so it is one itself.
        let hint = listener.try_recv().await?;
        let position = hint.and_then(|hint| hint.payload().parse().ok());
        notified.tell(position.map_or(ANY_POSITION, Position));
    }
}
