//! Waiting until the synchronous standby has what was read here.
//!
//! A commit that waits for its standby is not seen by anybody before the standby has it, unless the wait was ended from outside: by
//! a cancelled wait, an ended session, a restart of the server. Then it is read like any other, and would be lost if the
//! standby took over. Only who writes waits for the standby. So an answer that rests on what was *read*, such as the
//! recorded one of a repeated command, must not be given before something written later has arrived there.
//!
//! One write is on its way at a time, and all who came before it began share its result; who comes later shares the next one's.
//! Its session is kept while the standby is away, for a server does not notice that the client of a session in this wait is gone:
//! a session given up would stay there, and another one with each write. It is given up when the primary moved.

use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::connect::{Connect, Moved};
use crate::landmark::ServerStart;
use crate::warnings::Warnings;

/// Writes into the log of the server, and into nothing else; the commit waits like any other.
const WRITE: &str = "SELECT pg_logical_emit_message(true, 'marquee', '') IS NOT NULL";

/// How long the answer to a write is waited for. Far longer than any caller waits: an end for a host that went without a word.
const WRITE_TIMEOUT: Duration = Duration::from_secs(600);

/// The part of an attempt in which a session that was used before must answer at all; in the rest a new one can be made.
const TRIAL_PART: u32 = 4;

/// Waits for the standby. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Standby {
    connect: Connect,
    attempt_timeout: Duration,
    /// Where the writer's connection leads.
    server: watch::Sender<Option<ServerStart>>,
    writes: Arc<Mutex<Writes>>,
}

#[derive(Debug)]
struct Writes {
    /// Tells the result of the next write to those who came since the last one began.
    next: Option<watch::Sender<Option<bool>>>,
    /// None while a write is on its way.
    session: Option<Session>,
}

#[derive(Debug)]
struct Session {
    warnings: Warnings,
    connection: Option<PgConnection>,
    /// As of before the connection was made.
    place: Place,
}

/// What was known of the primary. When it changes, another server may be the primary.
type Place = (Moved, Option<ServerStart>);

impl Standby {
    pub(crate) fn new(connect: Connect, attempt_timeout: Duration) -> Self {
        let session = Session {
            warnings: Warnings::new(),
            connection: None,
            place: (None, None),
        };
        let writes = Writes {
            next: None,
            session: Some(session),
        };
        Self {
            connect,
            attempt_timeout,
            server: watch::Sender::new(None),
            writes: Arc::new(Mutex::new(writes)),
        }
    }

    /// Tells whether the standby has all that was committed before this call, at the latest after `patience`.
    pub(crate) async fn has_all(&self, patience: Duration) -> bool {
        let mut result = {
            let mut writes = self.writes();
            let next = writes.next.get_or_insert_with(|| watch::Sender::new(None));
            let result = next.subscribe();
            if let Some(session) = writes.session.take() {
                // A task of its own, for it has to go on when nobody waits any more.
                tokio::spawn(self.clone().write_all(session));
            }
            result
        };
        let told = timeout(patience, result.wait_for(Option::is_some)).await;
        matches!(told, Ok(Ok(replicated)) if *replicated == Some(true))
    }

    /// Takes note of the server that the writer has connected to; a session on another one is given up.
    pub(crate) fn follow(&self, server: ServerStart) {
        let server = Some(server);
        self.server
            .send_if_modified(|known| std::mem::replace(known, server) != server);
    }

    /// Writes for all who wait, until nobody does.
    async fn write_all(self, mut session: Session) {
        loop {
            let waiting = {
                let mut writes = self.writes();
                let Some(waiting) = writes.next.take() else {
                    writes.session = Some(session);
                    return;
                };
                waiting
            };
            // Who came while the standby was away may have given up since.
            if waiting.receiver_count() > 0 {
                let replicated = self.write(&mut session).await;
                waiting.send_replace(Some(replicated));
            }
        }
    }

    /// Writes; once more where the session is found to be gone, or the primary moved meanwhile.
    async fn write(&self, session: &mut Session) -> bool {
        for _ in 0..2 {
            let place = self.place();
            if session.place != place {
                session.connection = None;
                session.place = place;
            }
            let was_used = session.connection.is_some();
            let wrote = tokio::select! {
                wrote = session.write(&self.connect, self.attempt_timeout) => Some(wrote),
                () = self.leaves(place) => None,
            };
            let is_there = place == self.place();
            if is_there && matches!(wrote, Some(Ok(None))) {
                return true;
            }
            tracing::warn!(?wrote, "the standby may lack what was committed");
            session.connection = None;
            if is_there && !(was_used && matches!(wrote, Some(Err(_)))) {
                return false;
            }
        }
        false
    }

    fn place(&self) -> Place {
        (self.connect.moved(), *self.server.borrow())
    }

    async fn leaves(&self, place: Place) {
        let (mut moves, mut server) = (self.connect.moves.clone(), self.server.subscribe());
        tokio::select! {
            () = differs(&mut moves, place.0) => {}
            () = differs(&mut server, place.1) => {}
        }
    }

    fn writes(&self) -> MutexGuard<'_, Writes> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn differs<T: PartialEq>(now: &mut watch::Receiver<T>, from: T) {
    if now.wait_for(|now| *now != from).await.is_err() {
        pending().await
    }
}

impl Session {
    /// Gives the server's warning, if it had one.
    async fn write(&mut self, connect: &Connect, attempt_timeout: Duration) -> Result<Option<String>, sqlx::Error> {
        let mut connection = match self.connection.take() {
            Some(mut used) => {
                // What only reads does not wait for the standby.
                in_time(attempt_timeout / TRIAL_PART, used.ping()).await?;
                used
            }
            None => in_time(attempt_timeout, self.connect(connect)).await?,
        };
        let writing = async {
            let (written, warning) = self
                .warnings
                .listen(sqlx::query(WRITE).fetch_all(&mut connection))
                .await;
            written.map(|_| warning)
        };
        let warning = in_time(WRITE_TIMEOUT, writing).await?;
        if warning.is_none() {
            self.connection = Some(connection);
        }
        Ok(warning)
    }

    async fn connect(&mut self, connect: &Connect) -> Result<PgConnection, sqlx::Error> {
        let mut connection = connect.connect().await?;
        self.warnings
            .prepare(&mut connection, "SET statement_timeout = 0")
            .await?;
        Ok(connection)
    }
}

async fn in_time<T>(bound: Duration, asking: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let answer = timeout(bound, asking).await;
    answer.unwrap_or_else(|_elapsed| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())))
}
