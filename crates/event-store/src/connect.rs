//! How connections of the event store's own are made: the caller knows where the database is, and that may change.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::PgConnection;
use tokio::sync::watch;
use tokio::time::Instant;

type Connecting = BoxFuture<'static, Result<PgConnection, sqlx::Error>>;

/// When the primary was last found anew. A connection made before leads to a server that may have been replaced.
pub(crate) type Moved = Option<Instant>;

/// Makes a connection to the database that takes writes, wherever that is at the time. Cheap to clone.
#[derive(Clone)]
pub struct Connect {
    connect: Arc<dyn Fn() -> Connecting + Send + Sync>,
    pub(crate) moves: watch::Receiver<Moved>,
}

impl Connect {
    /// Connects by a function that is called whenever a connection is needed.
    pub fn new<F>(connect: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<PgConnection, sqlx::Error>> + Send + 'static,
    {
        Self {
            connect: Arc::new(move || connect().boxed()),
            moves: watch::Sender::new(None).subscribe(),
        }
    }

    /// Gives up each connection that was made before the last of these moves, when it is next wanted, and takes no answer from
    /// it: a server that fell silent and was replaced may be heard again, and would accept what is lost then.
    #[must_use]
    pub fn following(self, moves: watch::Receiver<Option<Instant>>) -> Self {
        Self { moves, ..self }
    }

    /// To be asked before connecting, and again whenever the connection is used.
    pub(crate) fn moved(&self) -> Moved {
        *self.moves.borrow()
    }

    pub(crate) fn connect(&self) -> Connecting {
        (self.connect)()
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connect").finish_non_exhaustive()
    }
}
