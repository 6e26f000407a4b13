//! Starting an operation: who may, what is written down, and what is made ready.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

use crate::actions::{self, Action};
use crate::operator::Operator;
use crate::rebuild::engine::Engine;
use crate::rebuild::generations::{self, Aside, Standing};
use crate::rebuild::keeper::{Keeper, Taken};
use crate::rebuild::operation::{Operation, OperationKind, OperationState};
use crate::rebuild::progress::Progress;
use crate::rebuild::record;
use crate::{Generation, control};

/// How long a lock may still be held by an operation that has ended.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
const LOCK_RETRY_DELAY: Duration = Duration::from_millis(50);

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) kind: OperationKind,
    pub(crate) dry_run: bool,
    pub(crate) throttle: Option<u32>,
    pub(crate) requested_by: String,
    pub(crate) reason: Option<String>,
}

/// Why an operation is not started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// Another one runs.
    #[error("an operation of this projection is running")]
    Running,
    /// There is nothing to roll back to.
    #[error("there is no retired generation to go back to")]
    NoRetired,
    /// Other code made the retired generation.
    #[error(
        "the retired generation {generation} was made by version {version} (bindings {binding_version}) of the projection; \
         run that version of the program and roll back there"
    )]
    VersionMismatch {
        generation: Generation,
        version: i32,
        binding_version: i32,
    },
    /// The process stops.
    #[error("the process is stopping")]
    Stopping,
    /// The database does not answer.
    #[error("the read model's database failed")]
    Database(#[from] sqlx::Error),
}

/// An operation that holds its lock and is written down.
pub(crate) struct Started {
    pub(crate) keeper: Keeper,
    pub(crate) progress: Arc<Progress>,
    pub(crate) begun: Begun,
}

/// The generations as they were when the operation began.
pub(crate) struct Begun {
    pub(crate) live: control::Row,
    /// The one to go back to, of a rollback.
    pub(crate) retired: Option<Aside>,
}

/// Takes the lock, refuses what cannot be, and writes the operation down.
pub(crate) async fn start(engine: &Engine, wanted: Wanted) -> Result<Started, Refusal> {
    let mut keeper = take(engine).await?;
    let projection = &**engine.projection();
    let name = projection.name();
    control::ensure(keeper.connection(), projection).await?;
    let mut tx = keeper.connection().begin().await?;
    control::lock(&mut tx, name).await?;
    let live = control::load(&mut tx, name).await?.ok_or(sqlx::Error::RowNotFound)?;
    let retired = match wanted.kind {
        OperationKind::Rollback => Some(expect_retired(&mut tx, engine).await?),
        OperationKind::Rebuild | OperationKind::Build => None,
    };
    let generation = match &retired {
        Some(retired) => retired.generation.number,
        None => last_generation(&mut tx, name).await? + 1,
    };
    let now = Utc::now();
    let operation = Operation {
        projection: name.to_owned(),
        kind: wanted.kind,
        state: OperationState::Running,
        phase: None,
        generation,
        from_generation: live.generation.number,
        dry_run: wanted.dry_run,
        throttle: wanted.throttle,
        events_done: 0,
        events_total: 0,
        events_per_second: 0.0,
        percent: 0.0,
        seconds_left: None,
        requested_by: wanted.requested_by,
        reason: wanted.reason,
        started_at: now,
        updated_at: now,
        finished_at: None,
        error: None,
        verification: None,
    };
    record::begin(&mut tx, &operation).await?;
    record_action(&mut tx, &operation).await?;
    tx.commit().await?;
    Ok(Started {
        keeper,
        progress: Arc::new(Progress::new(operation)),
        begun: Begun { live, retired },
    })
}

/// Takes the lock; one whose operation is written down as ended is given back in a moment.
async fn take(engine: &Engine) -> Result<Keeper, Refusal> {
    let give_up_at = Instant::now() + LOCK_PATIENCE;
    loop {
        match Keeper::take(engine).await? {
            Taken::Keeper(keeper) => return Ok(keeper),
            Taken::Ending if Instant::now() < give_up_at => sleep(LOCK_RETRY_DELAY).await,
            Taken::Ending | Taken::Running => return Err(Refusal::Running),
        }
    }
}

async fn expect_retired(tx: &mut PgConnection, engine: &Engine) -> Result<Aside, Refusal> {
    let all = generations::all(tx, engine.name(), Standing::Retired).await?;
    let retired = all.into_iter().next_back().ok_or(Refusal::NoRetired)?;
    if !retired.is_of(&**engine.projection()) {
        return Err(Refusal::VersionMismatch {
            generation: retired.generation,
            version: retired.version,
            binding_version: retired.binding_version,
        });
    }
    Ok(retired)
}

async fn last_generation(tx: &mut PgConnection, projection: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT last_generation FROM public.projection WHERE name = $1")
        .bind(projection)
        .fetch_one(tx)
        .await
}

/// Notes who started what, for whoever asks later.
async fn record_action(tx: &mut PgConnection, operation: &Operation) -> Result<(), sqlx::Error> {
    let action = match operation.kind {
        OperationKind::Rebuild | OperationKind::Build => Action::Rebuild,
        OperationKind::Rollback => Action::Rollback,
    };
    let subject = operation.dry_run.then_some("dry run");
    let operator = Operator(operation.requested_by.clone());
    let why = operation.reason.as_deref();
    actions::record(tx, &operation.projection, action, &operator, why, subject).await
}
