//! One transaction's attempt at a stream's parked events: all at once, else one by one up to the first that fails.

use domain::{DecodeError, Envelope};
use sqlx::{Connection, Executor, PgConnection};

use super::retry::RetryError;
use super::stream::{self, Parked, Stream};
use crate::apply::{batch, isolation};
use crate::parked::Reason;
use crate::{ApplyError, Generation, Projection, Recorded};

/// What is to be done with a parked event.
pub(super) enum Step {
    Apply(Recorded),
    Discard(Envelope),
    Malformed(Envelope, Reason),
}

/// What became of the events.
#[derive(Debug)]
pub(super) struct Attempted {
    pub(super) applied: i64,
    pub(super) discarded: i64,
    /// Parked events of the stream that are left.
    pub(super) left: i64,
    /// Why the first of them failed; none when it was not tried.
    pub(super) failed: Option<Reason>,
}

impl Step {
    fn envelope(&self) -> &Envelope {
        match self {
            Self::Apply(recorded) => &recorded.envelope,
            Self::Discard(envelope) | Self::Malformed(envelope, _) => envelope,
        }
    }
}

/// Decodes events that are to be applied; `None` when they are not the first parked ones.
///
/// # Errors
/// [`RetryError::Unknown`].
pub(super) fn steps(
    projection: &dyn Projection,
    events: Vec<Envelope>,
    parked: &[Parked],
) -> Result<Option<Vec<Step>>, RetryError> {
    let mut steps = Vec::with_capacity(events.len());
    for (nr, envelope) in events.into_iter().enumerate() {
        let Some(parked) = parked.get(nr).filter(|parked| parked.event_id == envelope.event_id) else {
            return Ok(None);
        };
        if parked.discarded {
            steps.push(Step::Discard(envelope));
            continue;
        }
        steps.push(match projection.decode(&envelope) {
            Ok(event) => Step::Apply(Recorded { envelope, event }),
            Err(DecodeError::Malformed { source, .. }) => Step::Malformed(envelope, batch::malformed(&source)),
            Err(source @ DecodeError::Unknown { .. }) => {
                let position = envelope.position.0;
                return Err(RetryError::Unknown { position, source });
            }
        });
    }
    Ok(Some(steps))
}

/// Carries the steps out as far as possible, and takes what is done from the parked events.
///
/// # Errors
/// Only what may go better another time.
pub(super) async fn run(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    generation: &Generation,
    stream: &Stream,
    steps: &[Step],
) -> Result<Attempted, ApplyError> {
    // A constraint that waits for the commit would be nobody's fault then.
    tx.execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
    let (done, failed) = as_far_as_possible(tx, projection, generation, steps).await?;
    let last_done = steps[..done].last().map_or(0, |step| step.envelope().position.0);
    let left = stream::remove_through(tx, generation, stream, last_done).await?;
    if let (Some(reason), Some(step)) = (&failed, steps.get(done)) {
        stream::failed_again(tx, generation, step.envelope().position.0, reason).await?;
    }
    let is_discard = |step: &&Step| matches!(step, Step::Discard(_));
    let discarded = steps[..done].iter().filter(is_discard).count();
    Ok(Attempted {
        applied: (done - discarded) as i64,
        discarded: discarded as i64,
        left,
        failed,
    })
}

async fn as_far_as_possible(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    generation: &Generation,
    steps: &[Step],
) -> Result<(usize, Option<Reason>), ApplyError> {
    let malformed = steps.iter().enumerate().find_map(|(nr, step)| match step {
        Step::Malformed(_, reason) => Some((nr, reason.clone())),
        _ => None,
    });
    let (readable, then) = malformed.map_or((steps.len(), None), |(nr, reason)| (nr, Some(reason)));
    if readable > 0
        && try_steps(tx, projection, generation, &steps[..readable])
            .await?
            .is_some()
    {
        for nr in 0..readable {
            if let Some(reason) = try_steps(tx, projection, generation, &steps[nr..=nr]).await? {
                return Ok((nr, Some(reason)));
            }
        }
    }
    Ok((readable, then))
}

/// Carries steps out under a savepoint; a deterministic failure undoes them and is given as the reason.
async fn try_steps(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    generation: &Generation,
    steps: &[Step],
) -> Result<Option<Reason>, ApplyError> {
    let mut savepoint = tx.begin().await?;
    match carry_out(&mut savepoint, projection, generation, steps).await {
        Ok(()) => {
            savepoint.commit().await?;
            Ok(None)
        }
        Err(error) if error.is_deterministic() => {
            savepoint.rollback().await?;
            Ok(Some(isolation::reason(error)))
        }
        Err(error) => Err(error),
    }
}

/// Applies runs of events together, and passes over discarded ones in their place.
async fn carry_out(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    generation: &Generation,
    steps: &[Step],
) -> Result<(), ApplyError> {
    let mut run = Vec::new();
    for step in steps {
        match step {
            Step::Apply(recorded) => run.push(recorded.clone()),
            Step::Discard(envelope) => {
                apply(tx, projection, generation, &mut run).await?;
                projection.discard(tx, generation, envelope).await?;
            }
            Step::Malformed(..) => break,
        }
    }
    apply(tx, projection, generation, &mut run).await
}

async fn apply(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    generation: &Generation,
    run: &mut Vec<Recorded>,
) -> Result<(), ApplyError> {
    if !run.is_empty() {
        projection.apply(tx, generation, run).await?;
        run.clear();
    }
    Ok(())
}
