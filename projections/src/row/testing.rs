//! Events for the tests of rows.

use chrono::{DateTime, Duration, Utc};
use domain::{Envelope, Event, Metadata, Position, Sequence};
use serde_json::Value;
use uuid::Uuid;

use super::{Contradiction, Row};
use crate::Recorded;

/// Makes the event at a sequence of a stream of its own, recorded at [`minute`] `sequence`.
pub(crate) fn recorded(sequence: i64, event_type: &str, event_version: &str, payload: Value) -> Recorded {
    let mut payload = payload;
    payload["type"] = event_type.into();
    let payload = payload.to_string();
    let event = Event::decode(event_type, event_version, &payload).expect("a valid event");
    let envelope = Envelope {
        log_id: Uuid::nil(),
        position: Position(sequence),
        event_id: Uuid::from_u128(sequence.unsigned_abs().into()),
        aggregate_type: event_type.split('.').next().unwrap_or_default().to_owned(),
        aggregate_id: "it".to_owned(),
        sequence: Sequence(sequence),
        event_type: event_type.to_owned(),
        event_version: event_version.to_owned(),
        payload,
        metadata: Metadata::default(),
        recorded_at: minute(sequence),
    };
    Recorded { envelope, event }
}

/// The time so many minutes after the beginning of 2026.
pub(crate) fn minute(minutes: i64) -> DateTime<Utc> {
    let beginning: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("a time");
    beginning + Duration::minutes(minutes)
}

/// Folds a whole stream.
pub(crate) fn row_of<R: Row>(events: &[Recorded]) -> Result<R, Contradiction> {
    let (first, later) = events.split_first().expect("a stream has events");
    let mut row = R::begin(first)?;
    for event in later {
        row.apply(event)?;
    }
    Ok(row)
}

/// Holds that a row takes nothing but its stream's next event, given a stream and the event that ends it.
pub(crate) fn assert_guarded<R: Row>(stream: &[Recorded], end: &Recorded) {
    let outcome = |events: &[&Recorded]| {
        let events: Vec<Recorded> = events.iter().copied().cloned().collect();
        row_of::<R>(&events).err()
    };
    let [first, second, third] = stream else {
        panic!("three events are enough")
    };
    assert_eq!(outcome(&[first, second, third, end]), None);
    assert_eq!(
        outcome(&[first, third]),
        Some(Contradiction::OutOfSequence { last: 1, found: 3 }),
        "a hole"
    );
    assert_eq!(
        outcome(&[first, second, second]),
        Some(Contradiction::OutOfSequence { last: 2, found: 2 }),
        "twice"
    );
    assert!(
        matches!(outcome(&[second]), Some(Contradiction::Misplaced { found: 2, .. })),
        "not the first"
    );
    let again = moved(first, 2);
    assert!(
        matches!(
            outcome(&[first, &again]),
            Some(Contradiction::Misplaced { found: 2, .. })
        ),
        "opened twice"
    );
    let after_end = moved(second, 5);
    assert!(matches!(
        outcome(&[first, second, third, end, &after_end]),
        Some(Contradiction::Ended { .. })
    ));
}

fn moved(recorded: &Recorded, sequence: i64) -> Recorded {
    let mut moved = recorded.clone();
    moved.envelope.sequence = Sequence(sequence);
    moved
}
