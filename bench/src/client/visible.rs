//! From a POST to the query that shows it, at a fixed rate.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use service::BoxError;

use super::commands::body;
use super::connection::Connection;
use crate::history::id;
use crate::open_loop::open_loop;
use crate::sample::Sample;

/// Opened before anything is measured; more are opened when all are in use.
const CONNECTIONS: usize = 32;

/// Connections that are not in use.
#[derive(Clone)]
struct Idle(Arc<Mutex<Vec<Connection>>>);

impl Idle {
    fn take(&self) -> Option<Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, connection: Connection) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}

/// A command is done when the query that waits for its position has been answered.
pub(crate) async fn run(url: &str, per_second: u32, prefix: &str, duration: Duration) -> Result<Sample, BoxError> {
    let idle = Idle(Arc::default());
    for _ in 0..CONNECTIONS {
        idle.put(Connection::open(url).await?);
    }
    open_loop(per_second, duration, |number| {
        let (idle, url) = (idle.clone(), url.to_owned());
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let path = format!("/users/{prefix}-{}", id(number));
        async move {
            let mut connection = match idle.take() {
                Some(connection) => connection,
                None => Connection::open(&url).await?,
            };
            let position = connection.post(&path, body(number)).await?;
            connection.get_at(&path, position).await?;
            idle.put(connection);
            Ok(())
        }
    })
    .await
}
