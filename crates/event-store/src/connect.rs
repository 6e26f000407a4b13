//! How connections of the event store's own are made: the caller knows where the database is, and that may change.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::PgConnection;

type Connecting = BoxFuture<'static, Result<PgConnection, sqlx::Error>>;

/// Makes a connection to the database that takes writes, wherever that is at the time. Cheap to clone.
#[derive(Clone)]
pub struct Connect(Arc<dyn Fn() -> Connecting + Send + Sync>);

impl Connect {
    /// Connects by a function that is called whenever a connection is needed.
    pub fn new<F>(connect: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<PgConnection, sqlx::Error>> + Send + 'static,
    {
        Self(Arc::new(move || connect().boxed()))
    }

    pub(crate) fn connect(&self) -> Connecting {
        (self.0)()
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connect").finish_non_exhaustive()
    }
}
