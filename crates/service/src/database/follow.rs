//! A pool that follows the primary from address to address.
//!
//! States: looking -> watching -> looking. It watches by a connection of its own; when that fails or no longer leads to a
//! primary, it looks for the primary at all addresses, until one is. Whatever it finds then counts as a move, for a name may lead
//! elsewhere now. A connection made before the pool moved is closed when it is next wanted: it may lead to a host that does not
//! even say that it is gone. One that was idle for a while, of any pool, has to show that it lives. Whoever keeps a connection of its own beside the pool can see the moves too.

use std::io;
use std::time::Duration;

use futures::FutureExt;
use session::expect_alive;
use sqlx::PgConnection;
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::connector::{Connector, Found, is_primary};

/// How often the primary is asked whether it still is.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// How long it may take to say so.
const WATCH_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a primary is looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// How long a connection may have been idle that is used without a sign of life: one that is used all the time costs no more
/// round trips, and one that died in between is found out about by who asks again.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// When the pool moved last.
type Moved = Option<Instant>;

/// Makes a pool that connects by `connector`; gives too when it moved last.
pub(super) fn pool(options: PgPoolOptions, connector: Connector) -> (PgPool, watch::Receiver<Moved>) {
    let address = connector.addresses[0].clone();
    let (moving, moves) = watch::channel(None);
    let moved = moves.clone();
    let establishing = connector.clone();
    let pool = options
        .after_connect(move |connection, _| {
            let connector = establishing.clone();
            async move {
                if connector.searches && !is_primary(connection).await? {
                    return Err(sqlx::Error::Io(io::Error::other("the server takes no writes")));
                }
                connector.establish(connection).await
            }
            .boxed()
        })
        .before_acquire(move |connection, lent| {
            let is_younger = moved.borrow().is_none_or(|moved: Instant| lent.age < moved.elapsed());
            let is_trusted = lent.idle_for < TRUSTED_IDLE;
            async move { Ok(is_younger && (is_trusted || expect_alive(connection).await.is_ok())) }.boxed()
        })
        .connect_lazy_with(address);
    if connector.searches {
        tokio::spawn(follow(pool.clone(), connector, moving));
    }
    (pool, moves)
}

async fn follow(pool: PgPool, connector: Connector, moving: watch::Sender<Moved>) {
    let following = async {
        let mut place = 0;
        let mut watched = None;
        let mut is_lost = false;
        loop {
            watched = match watched.take() {
                Some(connection) => {
                    let watched = still_primary(connection).await;
                    is_lost = watched.is_none();
                    watched
                }
                None => match look(&connector).await {
                    Some(found) => {
                        if is_lost || found.place != place {
                            move_to(found.place, &mut place, &pool, &connector);
                            moving.send_replace(Some(Instant::now()));
                        }
                        Some(found.connection)
                    }
                    None => None,
                },
            };
            sleep(if watched.is_some() {
                WATCH_INTERVAL
            } else {
                LOOK_INTERVAL
            })
            .await;
        }
    };
    pool.close_event().do_until(following).await.unwrap_or(());
}

async fn still_primary(mut connection: PgConnection) -> Option<PgConnection> {
    let asked = timeout(WATCH_TIMEOUT, is_primary(&mut connection)).await;
    matches!(asked, Ok(Ok(true))).then_some(connection)
}

async fn look(connector: &Connector) -> Option<Found> {
    let found = async {
        let mut found = connector.find().await?;
        // It is idle between two looks, which must not end it.
        connector.settings().establish(&mut found.connection).await?;
        Ok::<_, sqlx::Error>(found)
    };
    found
        .await
        .inspect_err(|error| tracing::debug!(%error, "no primary"))
        .ok()
}

/// Has the pool connect to the primary from now on.
fn move_to(found: usize, place: &mut usize, pool: &PgPool, connector: &Connector) {
    if found == *place {
        tracing::info!(at = connector.name(found), "the primary is there again");
        return;
    }
    tracing::info!(
        from = connector.name(*place),
        to = connector.name(found),
        "the primary is at another address"
    );
    *place = found;
    pool.set_connect_options(connector.addresses[found].clone());
}
