//! Waiting until the synchronous standby has what was read here.
//!
//! A commit that waits for its standby is not seen by anybody before the standby has it, unless the wait was ended from outside: by
//! a cancelled wait, an ended session, a restart of the server. Then it is read like any other, and would be lost if the
//! standby took over. Only who writes waits for the standby. So an answer that rests on what was *read*, such as the
//! recorded one of a repeated command, must not be given before something written later has arrived there.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::ask::ANSWER_TIMEOUT;
use crate::connect::Connect;
use crate::warnings::Warnings;

/// Writes into the log of the server, and into nothing else; the commit waits like any other.
const WRITE: &str = "SELECT pg_logical_emit_message(true, 'marquee', '') IS NOT NULL";

/// Waits for the standby, one at a time: a session in this wait does not notice that its client is gone, and none may be
/// left behind by each client that gives up. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Standby {
    connect: Connect,
    session: Arc<Mutex<Session>>,
}

#[derive(Debug)]
struct Session {
    warnings: Warnings,
    connection: Option<PgConnection>,
}

impl Standby {
    pub(crate) fn new(connect: Connect) -> Self {
        let session = Session {
            warnings: Warnings::new(),
            connection: None,
        };
        Self {
            connect,
            session: Arc::new(Mutex::new(session)),
        }
    }

    /// Tells whether the standby has all that was committed before this call, at the latest after `patience`.
    pub(crate) async fn has_all(&self, patience: Duration) -> bool {
        let (connect, session) = (self.connect.clone(), self.session.clone());
        let waiting = async move {
            let mut session = session.lock_owned().await;
            // A task of its own, for it has to go on when nobody waits any more.
            let writing = tokio::spawn(async move {
                let wrote = timeout(ANSWER_TIMEOUT, session.write(&connect)).await;
                let replicated = matches!(wrote, Ok(Ok(None)));
                if !replicated {
                    tracing::warn!(?wrote, "the standby may lack what was committed");
                    session.connection = None;
                }
                replicated
            });
            writing.await.unwrap_or(false)
        };
        timeout(patience, waiting).await.unwrap_or(false)
    }
}

impl Session {
    /// Gives the server's warning, if it had one.
    async fn write(&mut self, connect: &Connect) -> Result<Option<String>, sqlx::Error> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let mut connection = connect.connect().await?;
                self.warnings
                    .prepare(&mut connection, "SET statement_timeout = 0")
                    .await?;
                connection
            }
        };
        let (written, warning) = self
            .warnings
            .listen(sqlx::query(WRITE).fetch_all(&mut connection))
            .await;
        match written {
            Ok(_) if warning.is_none() => self.connection = Some(connection),
            Ok(_) => drop(connection.close().await),
            Err(error) => return Err(error),
        }
        Ok(warning)
    }
}
