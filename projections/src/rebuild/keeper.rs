//! The keeper of an operation: holds its lock, writes its progress, hears that it is called off, and cleans up.
//!
//! Its database session is the operation's claim: when the session ends, the operation has ended, whatever else still
//! runs, and whoever takes the lock next removes what it has left.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::metric;
use crate::rebuild::engine::Engine;
use crate::rebuild::failure::{Failure, is_lock_timeout};
use crate::rebuild::generations::{self, Standing};
use crate::rebuild::operation::Operation;
use crate::rebuild::progress::Progress;
use crate::rebuild::record::{self, Asked};

/// How often the progress is written.
const NOTE_INTERVAL: Duration = Duration::from_millis(500);
/// How long writing it may take; then the session is given up.
const NOTE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The holder of an operation's lock.
pub(crate) struct Keeper {
    connection: PgConnection,
}

/// Whether the lock could be taken.
pub(crate) enum Taken {
    /// It is ours.
    Keeper(Keeper),
    /// Another session has it, and its operation runs.
    Running,
    /// Another session has it still, or only for a moment.
    Ending,
}

impl Keeper {
    /// Takes the lock and removes what an operation before has left.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) async fn take(engine: &Engine) -> Result<Taken, sqlx::Error> {
        Self::take_in(engine, connect(engine).await?).await
    }

    async fn take_in(engine: &Engine, mut connection: PgConnection) -> Result<Taken, sqlx::Error> {
        if !record::try_lock(&mut connection, engine.name()).await? {
            let unfinished = record::unfinished(&mut connection, engine.name()).await?;
            return Ok(unfinished.map_or(Taken::Ending, |_running| Taken::Running));
        }
        let mut keeper = Self { connection };
        let mut unfinished = record::unfinished(&mut keeper.connection, engine.name()).await?;
        if let Some(operation) = &mut unfinished {
            record::interrupt(operation);
        }
        keeper.clean_up(engine, unfinished.as_ref()).await?;
        Ok(Taken::Keeper(keeper))
    }

    /// The session, for what an operation begins with.
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Writes the progress until there is a reason to end the operation, and gives it. Never returns once the operation is
    /// written down as ended.
    pub(crate) async fn keep(&mut self, progress: &Progress, stop: &CancellationToken) -> Failure {
        loop {
            if stop.run_until_cancelled(sleep(NOTE_INTERVAL)).await.is_none() {
                return Failure::Stopped;
            }
            let operation = progress.measure();
            let noting = record::note(&mut self.connection, &operation);
            match timeout(NOTE_TIMEOUT, noting).await {
                Ok(Ok(Asked::GoOn)) => {}
                Ok(Ok(Asked::Cancel)) => return Failure::Cancelled,
                Ok(Ok(Asked::Ended)) => std::future::pending().await,
                Ok(Err(error)) => return Failure::Database(error),
                Err(_elapsed) => return Failure::Database(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
            }
        }
    }

    /// Ends the worker's session if it still runs, removes what is half built, and writes down how the operation ended,
    /// unless it was written with the switch.
    ///
    /// # Errors
    /// What the database says; then somebody else has to clean up.
    pub(crate) async fn clean_up(&mut self, engine: &Engine, ended: Option<&Operation>) -> Result<(), sqlx::Error> {
        let name = engine.name();
        record::end_workers(&mut self.connection, &engine.worker_name()).await?;
        for unfinished in generations::all(&mut self.connection, name, Standing::Building).await? {
            match generations::remove(&mut self.connection, name, unfinished.generation).await {
                Err(error) if is_lock_timeout(&error) => {
                    // A backup, for instance. It keeps nothing from going on; the next look removes them.
                    let generation = unfinished.generation.to_string();
                    tracing::info!(projection = name, generation, "tables to be removed are being read");
                }
                removed => removed?,
            }
        }
        if let Some(ended) = ended {
            record::end(&mut self.connection, ended).await?;
        }
        metrics::gauge!(metric::REBUILD_RUNNING, metric::PROJECTION => name).set(0.0);
        Ok(())
    }

    /// Gives the lock back.
    pub(crate) async fn release(mut self, engine: &Engine) {
        let unlocked = record::unlock(&mut self.connection, engine.name()).await;
        let closed = self.connection.close().await;
        if let Err(error) = unlocked.and(closed) {
            // The lock ends with the session in any case.
            tracing::debug!(projection = engine.name(), %error, "a keeper's session was gone before it was closed");
        }
    }
}

/// Removes what an operation has left whose process is gone, if there is anything and nobody else is at work.
///
/// # Errors
/// What the database says.
pub(crate) async fn sweep(engine: &Engine) -> Result<(), sqlx::Error> {
    let mut connection = connect(engine).await?;
    if record::is_anything_left(&mut connection, engine.name()).await?
        && let Taken::Keeper(keeper) = Keeper::take_in(engine, connection).await?
    {
        tracing::info!(projection = engine.name(), "the remains of an operation were removed");
        keeper.release(engine).await;
    }
    Ok(())
}

/// Reads the record of the operation that runs, or of the last one.
///
/// # Errors
/// What the database says.
pub(crate) async fn last(engine: &Engine) -> Result<Option<Operation>, sqlx::Error> {
    let mut connection = connect(engine).await?;
    let operation = record::load(&mut connection, engine.name()).await?;
    connection.close().await?;
    Ok(operation)
}

async fn connect(engine: &Engine) -> Result<PgConnection, sqlx::Error> {
    let connecting = timeout(CONNECT_TIMEOUT, engine.keeper_options().connect()).await;
    connecting.unwrap_or_else(|_elapsed| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}
