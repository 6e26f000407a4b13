//! A pool that follows the primary from address to address.
//!
//! States: looking -> watching -> looking. It watches by a connection of its own; when that fails or no longer leads to a
//! primary, it looks for the primary at all addresses, until one is. A connection made before the pool moved is closed when it is
//! next wanted: it may lead to a host that does not even say that it is gone.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use sqlx::PgConnection;
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::time::{Instant, sleep, timeout};

use super::connector::{Connector, Found, is_primary};

/// How often the primary is asked whether it still is.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// How long it may take to say so.
const WATCH_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a primary is looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

type Moved = Arc<Mutex<Option<Instant>>>;

/// Makes a pool that connects by `connector`.
pub(super) fn pool(options: PgPoolOptions, connector: Connector) -> PgPool {
    let address = connector.addresses[0].clone();
    if !connector.searches {
        return options.connect_lazy_with(address);
    }
    let moved = Moved::default();
    let last_moved = moved.clone();
    let pool = options
        .after_connect(|connection, _| {
            async {
                match is_primary(connection).await? {
                    true => Ok(()),
                    false => Err(sqlx::Error::Io(io::Error::other("the server takes no writes"))),
                }
            }
            .boxed()
        })
        .before_acquire(move |_, connection| {
            let moved = *last_moved.lock().unwrap_or_else(PoisonError::into_inner);
            let is_younger = moved.is_none_or(|moved| connection.age < moved.elapsed());
            async move { Ok(is_younger) }.boxed()
        })
        .connect_lazy_with(address);
    tokio::spawn(follow(pool.clone(), connector, moved));
    pool
}

async fn follow(pool: PgPool, connector: Connector, moved: Moved) {
    let following = async {
        let mut place = 0;
        let mut watched = None;
        loop {
            watched = match watched.take() {
                Some(connection) => still_primary(connection).await,
                None => look(&pool, &connector, &mut place, &moved).await,
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

/// Moves the pool to the primary, if there is one.
async fn look(pool: &PgPool, connector: &Connector, place: &mut usize, moved: &Moved) -> Option<PgConnection> {
    let found = match connector.find().await {
        Ok(found) => found,
        Err(error) => {
            tracing::debug!(%error, "no primary");
            return None;
        }
    };
    let Found { place: now, connection } = found;
    if now != *place {
        tracing::info!(
            from = connector.name(*place),
            to = connector.name(now),
            "the primary is at another address"
        );
        *place = now;
        pool.set_connect_options(connector.addresses[now].clone());
        *moved.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
    Some(connection)
}
