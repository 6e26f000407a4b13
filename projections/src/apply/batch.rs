//! The events of one transaction, decoded.

use std::collections::HashSet;

use domain::{DecodeError, Envelope, Position};

use crate::control::Checkpoint;
use crate::parked::Reason;
use crate::{Projection, Recorded};

/// The events between the checkpoint and `target`, decoded, each list in position order.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Those that can be read.
    pub(crate) recorded: Vec<Recorded>,
    /// Those that no code can read.
    pub(crate) malformed: Vec<(Envelope, Reason)>,
    /// Where the checkpoint is afterwards.
    pub(crate) target: Checkpoint,
}

/// A part of a batch whose streams are not parked.
#[derive(Debug)]
pub(crate) struct Open<'a> {
    pub(crate) recorded: Vec<Recorded>,
    pub(crate) malformed: Vec<&'a (Envelope, Reason)>,
}

impl Batch {
    /// Decodes events.
    ///
    /// # Errors
    /// The position of the first event that this code does not know.
    pub(crate) fn decode(
        projection: &dyn Projection,
        events: Vec<Envelope>,
        target: Checkpoint,
    ) -> Result<Self, (DecodeError, Position)> {
        let mut batch = Self {
            recorded: Vec::with_capacity(events.len()),
            malformed: Vec::new(),
            target,
        };
        for envelope in events {
            match projection.decode(&envelope) {
                Ok(event) => batch.recorded.push(Recorded { envelope, event }),
                Err(DecodeError::Malformed { source, .. }) => batch.malformed.push((envelope, malformed(&source))),
                Err(unknown @ DecodeError::Unknown { .. }) => return Err((unknown, envelope.position)),
            }
        }
        Ok(batch)
    }

    /// Counts the events.
    pub(crate) fn len(&self) -> usize {
        self.recorded.len() + self.malformed.len()
    }

    /// Gives the streams of the events, each once.
    pub(crate) fn streams(&self) -> Vec<(&str, &str)> {
        self.envelopes()
            .map(stream)
            .collect::<HashSet<_>>()
            .into_iter()
            .collect()
    }

    /// Separates the events behind parked ones from the others.
    pub(crate) fn split(&self, parked: &[((String, String), Position)]) -> (Vec<&Envelope>, Open<'_>) {
        let parked: HashSet<_> = parked
            .iter()
            .map(|((kind, id), _)| (kind.as_str(), id.as_str()))
            .collect();
        let is_behind = |event: &Envelope| parked.contains(&stream(event));
        let behind = self.envelopes().filter(|event| is_behind(event)).collect();
        let open = Open {
            recorded: self
                .recorded
                .iter()
                .filter(|event| !is_behind(&event.envelope))
                .cloned()
                .collect(),
            malformed: self.malformed.iter().filter(|(event, _)| !is_behind(event)).collect(),
        };
        (behind, open)
    }

    fn envelopes(&self) -> impl Iterator<Item = &Envelope> {
        self.recorded
            .iter()
            .map(|event| &event.envelope)
            .chain(self.malformed.iter().map(|(event, _)| event))
    }
}

/// The stream of an event: type and id.
pub(crate) fn stream(event: &Envelope) -> (&str, &str) {
    (&event.aggregate_type, &event.aggregate_id)
}

/// Where and what kind of damage; the decoder's own words could repeat personal data.
pub(crate) fn malformed(error: &serde_json::Error) -> Reason {
    let (kind, line, column) = (error.classify(), error.line(), error.column());
    Reason::Malformed(format!(
        "{kind:?} error in the payload's JSON at line {line} column {column}"
    ))
}
