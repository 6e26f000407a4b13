//! The log as an operation reads it: complete ranges, decoded, with the events to pass over in their places.

use std::collections::HashSet;
use std::sync::Arc;

use domain::{Envelope, Position};
use event_store::{LogReader, Share};
use futures::{Stream, StreamExt};
use sqlx::PgConnection;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::apply::batch::Batch;
use crate::control::Checkpoint;
use crate::rebuild::failure::Failure;
use crate::{Projection, heal};

/// Ranges that are read ahead.
const READ_AHEAD_RANGES: usize = 3;

/// What to do with the events of a range, in order.
#[derive(Debug)]
pub(crate) enum Step {
    /// Events to apply.
    Apply(Batch),
    /// An event that an operator has discarded.
    PassOver(Envelope),
}

/// A range of the log, ready to be applied.
#[derive(Debug)]
pub(crate) struct Range {
    pub(crate) steps: Vec<Step>,
    /// The event right before it; none at the log's beginning.
    before: Option<Uuid>,
    /// Positions it spans, bound or not.
    pub(crate) positions: i64,
    /// Where the checkpoint is afterwards.
    pub(crate) end: Checkpoint,
}

impl Range {
    /// Expects the range to follow a checkpoint: the log had the checkpoint's event when it was read. Ranges are read ahead,
    /// and a log that went back in between goes on with other events at the same positions.
    ///
    /// # Errors
    /// [`Failure::LogChanged`].
    pub(crate) fn expect_behind(&self, checkpoint: &Checkpoint) -> Result<(), Failure> {
        if self.before == checkpoint.event_id {
            Ok(())
        } else {
            Err(Failure::LogChanged)
        }
    }
}

/// A log that must stay the same while it is read. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Source {
    projection: Arc<dyn Projection>,
    log: LogReader,
    log_id: Uuid,
    discarded: Arc<HashSet<Uuid>>,
    /// Events that are not there for whoever reads.
    left_out: Arc<HashSet<Uuid>>,
    /// Whether an event that no code can read is a failure, and not something to be parked.
    strict: bool,
    /// The streams that are read.
    share: Share,
}

impl Source {
    pub(crate) fn new(
        projection: Arc<dyn Projection>,
        log: LogReader,
        log_id: Uuid,
        discarded: HashSet<Uuid>,
        strict: bool,
    ) -> Self {
        Self {
            projection,
            log,
            log_id,
            discarded: Arc::new(discarded),
            left_out: Arc::default(),
            strict,
            share: Share::WHOLE,
        }
    }

    /// Reads a share of the streams only.
    pub(crate) fn of_share(self, share: Share) -> Self {
        Self { share, ..self }
    }

    /// Leaves events out.
    pub(crate) fn without(self, left_out: HashSet<Uuid>) -> Self {
        Self {
            left_out: Arc::new(left_out),
            ..self
        }
    }

    /// The log.
    pub(crate) fn log(&self) -> &LogReader {
        &self.log
    }

    /// The events to pass over.
    pub(crate) fn discarded(&self) -> &HashSet<Uuid> {
        &self.discarded
    }

    /// Where the log ends now, which must have a checkpoint's event at its position.
    ///
    /// # Errors
    /// [`Failure::LogChanged`], [`Failure::Log`].
    pub(crate) async fn head(&self, at: &Checkpoint) -> Result<Position, Failure> {
        let place = self.log.place(at.position).await?;
        if place.log_id == self.log_id && place.event_id == at.event_id {
            Ok(place.head)
        } else {
            Err(Failure::LogChanged)
        }
    }

    /// Reads `(after, to]`.
    ///
    /// # Errors
    /// [`Failure::Malformed`], [`Failure::Unknown`], [`Failure::LogChanged`], [`Failure::Log`].
    pub(crate) async fn read(&self, after: Position, to: Position) -> Result<Range, Failure> {
        let chunk = heal::read(&self.log, self.projection.bindings(), after, to, self.share).await?;
        if chunk.log_id != self.log_id {
            return Err(Failure::LogChanged);
        }
        let end = Checkpoint {
            position: to,
            event_id: Some(chunk.event_id),
            log_id: Some(chunk.log_id),
            recorded_at: Some(chunk.recorded_at),
        };
        Ok(Range {
            steps: self.steps(chunk.events, end)?,
            before: chunk.before,
            positions: to.0 - after.0,
            end,
        })
    }

    /// Reads `(after, to]` in ranges of at most `positions_max`, in order, some of them ahead.
    pub(crate) fn ranges(
        &self,
        after: Position,
        to: Position,
        positions_max: i64,
    ) -> impl Stream<Item = Result<Range, Failure>> + Send + use<> {
        let source = self.clone();
        let starts = (after.0..to.0).step_by(usize::try_from(positions_max).unwrap_or(1).max(1));
        let reading = futures::stream::iter(starts).map(move |start| {
            let source = source.clone();
            let (start, end) = (Position(start), Position(to.0.min(start + positions_max)));
            let task = AbortOnDropHandle::new(tokio::spawn(async move { source.read(start, end).await }));
            async move { task.await.unwrap_or(Err(Failure::Stopped)) }
        });
        reading.buffered(READ_AHEAD_RANGES)
    }

    fn steps(&self, events: Vec<Envelope>, end: Checkpoint) -> Result<Vec<Step>, Failure> {
        let mut steps = Vec::new();
        let mut together = Vec::with_capacity(events.len());
        for event in events {
            if self.left_out.contains(&event.event_id) {
                continue;
            }
            if self.discarded.contains(&event.event_id) {
                if !together.is_empty() {
                    steps.push(Step::Apply(self.decode(std::mem::take(&mut together), end)?));
                }
                steps.push(Step::PassOver(event));
            } else {
                together.push(event);
            }
        }
        if !together.is_empty() {
            steps.push(Step::Apply(self.decode(together, end)?));
        }
        Ok(steps)
    }

    fn decode(&self, events: Vec<Envelope>, end: Checkpoint) -> Result<Batch, Failure> {
        let batch = Batch::decode(&*self.projection, events, end)
            .map_err(|(error, position)| Failure::unknown(position, &error))?;
        match batch.malformed.first() {
            Some((event, reason)) if self.strict => Err(Failure::malformed(event, reason)),
            _ => Ok(batch),
        }
    }
}

/// Reads which events operators have discarded.
pub(crate) async fn discarded(
    connection: &mut PgConnection,
    projection: &'static str,
) -> Result<HashSet<Uuid>, sqlx::Error> {
    let ids: Vec<Uuid> = sqlx::query_scalar("SELECT event_id FROM public.discarded_event WHERE projection = $1")
        .bind(projection)
        .fetch_all(connection)
        .await?;
    Ok(ids.into_iter().collect())
}
