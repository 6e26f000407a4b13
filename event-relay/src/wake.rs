//! Hints that there is something new in the log: from this process and, by NOTIFY, from others. Any may be lost.

use std::sync::Arc;
use std::time::Duration;

use event_store::WAKE_CHANNEL;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

const LISTEN_AGAIN_PAUSE: Duration = Duration::from_secs(1);

/// Both sources of hints.
pub(crate) struct Wake {
    in_process: Arc<Notify>,
    notified: Arc<Notify>,
    _listener: AbortOnDropHandle<()>,
}

impl Wake {
    /// Begins to listen, on one connection of the pool.
    pub(crate) fn new(in_process: Arc<Notify>, pool: PgPool) -> Self {
        let notified = Arc::new(Notify::new());
        let listener = tokio::spawn(listen(pool, notified.clone()));
        Self {
            in_process,
            notified,
            _listener: AbortOnDropHandle::new(listener),
        }
    }

    /// Waits for a hint. Cancel safe: one that came meanwhile is kept.
    pub(crate) async fn woken(&self) {
        tokio::select! {
            () = self.in_process.notified() => {}
            () = self.notified.notified() => {}
        }
    }
}

async fn listen(pool: PgPool, notified: Arc<Notify>) {
    loop {
        if let Err(error) = listen_until_it_fails(&pool, &notified).await {
            tracing::debug!(%error, "cannot listen for hints; polling goes on");
        }
        sleep(LISTEN_AGAIN_PAUSE).await;
    }
}

async fn listen_until_it_fails(pool: &PgPool, notified: &Notify) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(WAKE_CHANNEL).await?;
    loop {
        // `None` is a connection that was lost and made again: hints may have been missed, so it is one itself.
        let _hint = listener.try_recv().await?;
        notified.notify_one();
    }
}
