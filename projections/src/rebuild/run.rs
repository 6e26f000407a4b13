//! One operation, from its start to its end: the worker beside its keeper, and what is left when either has ended.

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use sqlx::{Connection, PgConnection};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::Generation;
use crate::control::{self, Checkpoint};
use crate::metric;
use crate::rebuild::engine::Engine;
use crate::rebuild::failure::Failure;
use crate::rebuild::generations::{self, Standing};
use crate::rebuild::keeper::{Keeper, Taken};
use crate::rebuild::operation::{Operation, OperationState};
use crate::rebuild::plan::Plan;
use crate::rebuild::progress::Progress;
use crate::rebuild::record;
use crate::rebuild::start::{Begun, Started};
use crate::rebuild::streams::LogTotals;
use crate::rebuild::tables;
use crate::rebuild::target::Target;
use crate::rebuild::work::{Pace, Work};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than a query takes from reading the row to its first statement; from then on a removal waits for it.
const QUERIES_END: Duration = Duration::from_secs(2);
/// How long cleaning up may take; then a new session tries again.
const CLEAN_UP_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause before another attempt to clean up.
const CLEAN_UP_DELAY: Duration = Duration::from_millis(500);

/// Runs an operation to its end, whatever that is.
pub(crate) async fn run(engine: &Engine, started: Started, stop: &CancellationToken) {
    let Started {
        mut keeper,
        progress,
        begun,
    } = started;
    let operation = progress.operation();
    let name = engine.name();
    tracing::info!(
        projection = name,
        kind = operation.kind.as_str(),
        generation = operation.generation,
        "an operation begins"
    );
    gauge!(metric::REBUILD_RUNNING, metric::PROJECTION => name).set(1.0);
    let worked = tokio::select! {
        biased;
        worked = work(engine, &begun, &progress) => worked,
        reason = keeper.keep(&progress, stop) => Err(reason),
    };
    let mut ended = progress.measure();
    match worked {
        Ok(()) => ended.end(OperationState::Succeeded, None),
        Err(failure) => ended.end(failure.state(), Some(failure.error())),
    }
    if begun.live.checkpoint.position.0 == 0 && progress.has_ended() {
        // Queries that have begun on the empty generation end before it is removed.
        stop.run_until_cancelled(sleep(QUERIES_END)).await;
    }
    let ended = finish(engine, keeper, ended, &progress, stop).await;
    counter!(metric::REBUILDS, metric::PROJECTION => name, metric::STATE => ended.state.as_str()).increment(1);
    let error = ended.error.as_ref().map(|error| error.detail.as_str());
    if ended.state == OperationState::Failed {
        let kind = ended.kind.as_str();
        tracing::warn!(
            projection = name,
            kind,
            error,
            "an operation has failed; the live generation is untouched"
        );
    }
    tracing::info!(
        projection = name,
        kind = ended.kind.as_str(),
        state = ended.state.as_str(),
        error,
        "an operation has ended"
    );
}

/// Does the operation's work in a session of its own.
async fn work(engine: &Engine, begun: &Begun, progress: &Arc<Progress>) -> Result<(), Failure> {
    let Ok(connected) = timeout(CONNECT_TIMEOUT, engine.worker_options().connect()).await else {
        return Err(Failure::Database(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())));
    };
    let mut connection = connected?;
    let operation = progress.operation();
    let is_strict = begun.retired.is_none();
    let plan = Plan::make(
        &mut connection,
        engine.projection(),
        engine.log(),
        &begun.live,
        is_strict,
    )
    .await?;
    let (standing, at) = match &begun.retired {
        Some(retired) => {
            plan.source.head(&retired.checkpoint).await?;
            expect_usable(&mut connection, engine, retired.generation).await?;
            (Standing::Retired, retired.checkpoint)
        }
        None => (Standing::Building, Checkpoint::default()),
    };
    let generation = Generation::new(engine.name(), operation.generation);
    if standing == Standing::Building {
        make_generation(&mut connection, engine, generation).await?;
    }
    let mut work = Work {
        target: Target {
            projection: Arc::clone(engine.projection()),
            generation,
            standing,
        },
        plan,
        connection,
        progress: Arc::clone(progress),
        at,
        pace: Pace::new(operation.throttle),
        totals: LogTotals::default(),
    };
    match standing {
        Standing::Building => work.rebuild(operation.dry_run).await?,
        Standing::Retired => work.roll_back().await?,
    }
    // Everything is committed; what is left of the session ends by itself.
    let _: Result<(), sqlx::Error> = work.connection.close().await;
    Ok(())
}

/// Expects a retired generation to have its tables, and nothing in them that an operator has discarded since.
async fn expect_usable(connection: &mut PgConnection, engine: &Engine, generation: Generation) -> Result<(), Failure> {
    if tables::of_schema(connection, &generation.to_string()).await?.is_empty() {
        return Err(Failure::Unverified(format!(
            "the tables of {generation} are gone; rebuild instead"
        )));
    }
    match generations::discarded_too_late(connection, engine.name(), generation).await? {
        None => Ok(()),
        Some(position) => Err(Failure::Unverified(format!(
            "{generation} has applied the event at position {position}, which was discarded later; rebuild instead"
        ))),
    }
}

/// Makes the empty generation.
async fn make_generation(
    connection: &mut PgConnection,
    engine: &Engine,
    generation: Generation,
) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin().await?;
    control::lock(&mut tx, engine.name()).await?;
    generations::begin(&mut tx, &**engine.projection(), generation).await?;
    tx.commit().await
}

/// Cleans up, with another session when the keeper's is lost, until that is done or the process stops: then the next start
/// does it. Gives the operation as it is written down.
async fn finish(
    engine: &Engine,
    mut keeper: Keeper,
    ended: Operation,
    progress: &Progress,
    stop: &CancellationToken,
) -> Operation {
    let mut cleaned = clean_up(&mut keeper, engine, &ended).await;
    while let Err(error) = cleaned {
        tracing::warn!(projection = engine.name(), %error, "an operation's remains could not be removed yet");
        if stop.run_until_cancelled(sleep(CLEAN_UP_DELAY)).await.is_none() {
            return ended;
        }
        cleaned = match Keeper::take(engine).await {
            // Whoever has the lock has cleaned up.
            Ok(Taken::Running | Taken::Ending) => return ended,
            Ok(Taken::Keeper(another)) => {
                keeper = another;
                Ok(())
            }
            Err(error) => Err(error),
        };
    }
    progress.ends();
    let written = record::load(keeper.connection(), engine.name()).await;
    keeper.release(engine).await;
    written.ok().flatten().unwrap_or(ended)
}

/// Cleans up, but not for longer than a process has that stops.
async fn clean_up(keeper: &mut Keeper, engine: &Engine, ended: &Operation) -> Result<(), sqlx::Error> {
    let cleaning = timeout(CLEAN_UP_TIMEOUT, keeper.clean_up(engine, Some(ended))).await;
    cleaning.unwrap_or_else(|_elapsed| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}
