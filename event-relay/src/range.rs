//! The open range: what has been published since the last watermark, and the watermark that will close it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Envelope, Position};
use event_bus::{KeyTotal, Watermark};
use tokio::time::Instant;
use uuid::Uuid;

/// The event at the end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastEvent {
    pub(crate) event_id: Uuid,
    pub(crate) recorded_at: DateTime<Utc>,
}

impl From<&Envelope> for LastEvent {
    fn from(envelope: &Envelope) -> Self {
        Self {
            event_id: envelope.event_id,
            recorded_at: envelope.recorded_at,
        }
    }
}

/// Counts what is published, from the log's rows.
#[derive(Debug)]
pub(crate) struct OpenRange {
    from: Position,
    to: Position,
    keys: BTreeMap<String, KeyTotal>,
    last: Option<LastEvent>,
    opened_at: Option<Instant>,
}

impl OpenRange {
    /// Begins behind the last closed range; `last` is the event at `from`.
    pub(crate) fn after(from: Position, last: Option<LastEvent>) -> Self {
        Self {
            from,
            to: from,
            keys: BTreeMap::new(),
            last,
            opened_at: None,
        }
    }

    /// Takes the next event of the log.
    pub(crate) fn add(&mut self, envelope: &Envelope) {
        debug_assert_eq!(envelope.position.0, self.to.0 + 1, "events come without gaps");
        self.to = envelope.position;
        self.last = Some(envelope.into());
        self.keys
            .entry(envelope.event_type.clone())
            .or_default()
            .add(envelope.position);
        self.opened_at.get_or_insert_with(Instant::now);
    }

    /// Closes the range and opens the next. An empty one gives the sign of life.
    pub(crate) fn close(&mut self, log_id: Uuid) -> Watermark {
        let watermark = Watermark {
            log_id,
            from: self.from,
            to: self.to,
            keys: std::mem::take(&mut self.keys),
            event_id: self.last.map(|last| last.event_id),
            recorded_at: self.last.map(|last| last.recorded_at),
        };
        self.from = self.to;
        self.opened_at = None;
        watermark
    }

    /// Where the range before was closed.
    pub(crate) fn from(&self) -> Position {
        self.from
    }

    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.to.0 - self.from.0).unwrap_or(0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// When its first event came.
    pub(crate) fn opened_at(&self) -> Option<Instant> {
        self.opened_at
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::{Envelope, Metadata, Position, Sequence};
    use event_bus::KeyTotal;
    use uuid::Uuid;

    use super::OpenRange;

    fn event(position: i64, event_type: &str) -> Envelope {
        Envelope {
            log_id: Uuid::nil(),
            position: Position(position),
            event_id: Uuid::from_u128(u128::try_from(position).expect("a position")),
            aggregate_type: "user".into(),
            aggregate_id: "1".into(),
            sequence: Sequence(position),
            event_type: event_type.into(),
            event_version: "1".into(),
            payload: "{}".into(),
            metadata: Metadata::default(),
            recorded_at: DateTime::from_timestamp(position, 0).expect("a time"),
        }
    }

    #[test]
    fn a_watermark_counts_and_sums_each_key_of_its_range() {
        let mut range = OpenRange::after(Position(4), None);
        for (position, event_type) in [(5, "user.created"), (6, "user.deleted"), (7, "user.created")] {
            range.add(&event(position, event_type));
        }
        let closed = range.close(Uuid::nil());
        assert_eq!((closed.from, closed.to), (Position(4), Position(7)));
        assert_eq!(closed.event_id, Some(Uuid::from_u128(7)));
        assert_eq!(closed.recorded_at, DateTime::from_timestamp(7, 0));
        assert_eq!(closed.keys["user.created"], KeyTotal { count: 2, sum: 12 });
        assert_eq!(closed.keys["user.deleted"], KeyTotal { count: 1, sum: 6 });
    }

    #[test]
    fn ranges_chain_and_an_empty_one_stands_still() {
        let mut range = OpenRange::after(Position(0), None);
        range.add(&event(1, "user.created"));
        range.close(Uuid::nil());
        let alive = range.close(Uuid::nil());
        assert_eq!((alive.from, alive.to), (Position(1), Position(1)));
        assert!(alive.keys.is_empty() && range.is_empty());
        assert_eq!(alive.recorded_at, DateTime::from_timestamp(1, 0));
        range.add(&event(2, "user.created"));
        assert_eq!(range.close(Uuid::nil()).from, Position(1));
    }
}
