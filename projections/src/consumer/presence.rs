//! The consumer's presence in the read model's database: it shows others what the consumer is at, and hears their calls.
//!
//! On a session of its own, for a consumer that is held has given up its other one. Failure: without the session nothing is
//! shown and nothing heard; the consumer then finds out what has changed by its next commit, or when it looks again.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::attendance::{self, Attendance, CHANNEL};
use crate::status::Progress;

/// The pause before another attempt to connect.
const CONNECT_AGAIN_PAUSE: Duration = Duration::from_secs(1);
/// How long nothing is heard before the server is asked whether it is still there.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long the server may take to connect, and to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a consumer waits until others can see that it works. While the database is away nobody can pause it either.
const SHOW_TIMEOUT: Duration = Duration::from_secs(1);

/// What others see of a consumer; nothing any more once it is dropped.
pub(super) struct Presence {
    progress: Arc<Progress>,
    shown: watch::Receiver<Option<Attendance>>,
    _showing: AbortOnDropHandle<()>,
}

impl Presence {
    /// Begins to show what the consumer is at, on a connection of its own to where the pool's lead.
    pub(super) fn new(progress: Arc<Progress>, pool: PgPool) -> Self {
        let (sender, shown) = watch::channel(None);
        let showing = tokio::spawn(keep_showing(pool, Arc::clone(&progress), sender));
        Self {
            progress,
            shown,
            _showing: AbortOnDropHandle::new(showing),
        }
    }

    /// The consumer is about to look at the projection's row, and may apply and hold the queue from now on. Others see it
    /// when this returns, if the database can be reached.
    pub(super) async fn works(&self) {
        let rests = self.progress.attendance().rests;
        let now = Attendance { works: true, rests };
        self.progress.is_at(now);
        let mut shown = self.shown.clone();
        // Not in time: the session that follows finds out whether there is a database.
        drop(timeout(SHOW_TIMEOUT, shown.wait_for(|shown| *shown == Some(now))).await);
    }

    /// The consumer has a session: it rests no more.
    pub(super) fn goes_on(&self) {
        self.progress.is_at(Attendance {
            works: true,
            rests: false,
        });
    }

    /// The consumer holds and applies nothing, because the projection is paused or for now.
    pub(super) fn ends(&self, is_paused: bool) {
        self.progress.is_at(Attendance {
            works: false,
            rests: is_paused,
        });
    }
}

async fn keep_showing(pool: PgPool, progress: Arc<Progress>, shown: watch::Sender<Option<Attendance>>) {
    loop {
        if let Err(error) = show_until_it_fails(&pool, &progress, &shown).await {
            tracing::debug!(%error, "others cannot see this consumer; it looks at the row by itself");
        }
        shown.send_replace(None);
        sleep(CONNECT_AGAIN_PAUSE).await;
    }
}

async fn show_until_it_fails(
    pool: &PgPool,
    progress: &Progress,
    shown: &watch::Sender<Option<Attendance>>,
) -> Result<(), sqlx::Error> {
    // Not of the pool: a listener that is dropped says goodbye first, and would use up the pool at a host that is silent.
    let own = pool
        .options()
        .clone()
        .max_connections(1)
        .acquire_timeout(ANSWER_TIMEOUT)
        .connect_lazy_with(pool.connect_options().as_ref().clone());
    let mut session = PgListener::connect_with(&own).await?;
    session.eager_reconnect(false);
    in_time(session.listen(CHANNEL)).await?;
    // A call may have been missed.
    progress.tell_changed();
    let mut wanted = progress.attendances();
    let mut before = Attendance::default();
    loop {
        let now = *wanted.borrow_and_update();
        in_time(attendance::show(&mut session, progress.projection(), before, now)).await?;
        shown.send_replace(Some(now));
        before = now;
        tokio::select! {
            changed = wanted.changed() => if changed.is_err() {
                return Ok(());
            },
            heard = timeout(SILENCE_MAX, session.try_recv()) => match heard {
                Ok(Ok(Some(call))) if call.payload() == progress.projection() => progress.tell_changed(),
                Ok(Ok(Some(_of_another))) => {}
                // The session has ended, and what it showed with it.
                Ok(Ok(None)) => return Err(sqlx::Error::Io(io::ErrorKind::ConnectionAborted.into())),
                Ok(Err(error)) => return Err(error),
                Err(_silence) => in_time(sqlx::query("SELECT 1").execute(&mut session)).await.map(drop)?,
            },
        }
    }
}

async fn in_time<T>(asking: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let answer = timeout(ANSWER_TIMEOUT, asking).await;
    answer.unwrap_or_else(|_elapsed| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())))
}
