//! Where a new leader begins: at the checkpoint, once the log has proved to be the one it was made in, whatever it is
//! called by now.

use domain::{Envelope, Position};
use event_store::{LogError, LogReader, RelayCheckpoint, RelayState};
use uuid::Uuid;

use crate::RelayError;
use crate::range::LastEvent;

/// Where to begin.
#[derive(Debug)]
pub(crate) struct Resumption {
    pub(crate) log_id: Uuid,
    pub(crate) checkpoint: RelayCheckpoint,
    /// The event at the checkpoint's watermark.
    pub(crate) watermark_event: Option<LastEvent>,
}

/// Reads the checkpoint and compares it with the log. A log of another identity that still has the checkpoint's event was
/// restored or promoted without losing anything that was published: it is published on from there, under its new
/// identity.
///
/// `known` is what this relay has published before. A log that went back took the checkpoint in its database along, and only who
/// remembers more notices.
///
/// # Errors
/// [`RelayError::Diverged`] when the log has another event at the checkpoint's position, or none, or lacks
/// what is known under the identity it still has; [`RelayError::Unplaced`] when the checkpoint says nothing of this log;
/// [`RelayError::Log`] and [`RelayError::State`] when one of them cannot be read.
pub(crate) async fn resume(
    log: &LogReader,
    state: &RelayState,
    known: Option<&RelayCheckpoint>,
) -> Result<Resumption, RelayError> {
    let checkpoint = state.checkpoint().await?;
    let log_id = log.log_id().await?;
    if let Some(known) = known.filter(|known| known.log_id == Some(log_id))
        && event_at(log, known.position).await?.map(|event| event.event_id) != known.event_id
    {
        return Err(RelayError::Diverged {
            position: known.position,
            reason: "it lacks the event that this relay published there",
        });
    }
    let diverged = |reason| RelayError::Diverged {
        position: checkpoint.position,
        reason,
    };
    let mut watermark_event = None;
    if checkpoint.position > Position(0) {
        let last = event_at(log, checkpoint.position).await?;
        let last = last.ok_or_else(|| diverged("it has no event there"))?;
        if Some(last.event_id) != checkpoint.event_id {
            return Err(diverged("it has another event there"));
        }
        watermark_event = match checkpoint.watermark {
            Position(0) => None,
            watermark if watermark == checkpoint.position => Some(LastEvent::from(&last)),
            watermark => event_at(log, watermark).await?.as_ref().map(LastEvent::from),
        };
    }
    if checkpoint.log_id.is_none() && log.is_restored_into().await? {
        return Err(RelayError::Unplaced);
    }
    if checkpoint.log_id.is_some_and(|known| known != log_id) {
        let position = checkpoint.position.0;
        tracing::warn!(%log_id, position, "the log has a new identity; the checkpoint is in it");
    }
    Ok(Resumption {
        log_id,
        checkpoint,
        watermark_event,
    })
}

async fn event_at(log: &LogReader, position: Position) -> Result<Option<Envelope>, RelayError> {
    match log.read_range(Position(position.0 - 1), position).await {
        Ok(events) => Ok(events.into_iter().next()),
        Err(LogError::Incomplete { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
