//! Folding: each stream by itself, whatever the interleaving, and nothing that contradicts a row.

use std::collections::HashMap;

use domain::{Position, Sequence};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any};
use proptest::sample::Index;
use proptest::{prop_assert_eq, proptest};
use serde_json::json;

use super::testing::recorded;
use super::{Contradiction, Row, expect_next, fold};
use crate::{ApplyError, Recorded};

/// A row that remembers the positions of its stream's events.
#[derive(Clone, Debug, PartialEq)]
struct Remembered {
    id: String,
    positions: Vec<Position>,
    sequence: Sequence,
}

impl Row for Remembered {
    fn begin(recorded: &Recorded) -> Result<Self, Contradiction> {
        let id = recorded.envelope.aggregate_id.clone();
        Ok(Self {
            id,
            positions: vec![recorded.envelope.position],
            sequence: recorded.envelope.sequence,
        })
    }

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Contradiction> {
        expect_next(self.sequence, false, recorded)?;
        self.positions.push(recorded.envelope.position);
        self.sequence = recorded.envelope.sequence;
        Ok(())
    }

    fn pass_over(&mut self, sequence: Sequence) {
        self.sequence = sequence;
    }

    fn id(&self) -> &str {
        &self.id
    }
}

/// Streams of these lengths, one after the other.
fn streams(lengths: &[usize]) -> Vec<Vec<Recorded>> {
    let mut position = 0;
    let mut stream = |(number, length): (usize, &usize)| {
        let event = |sequence| {
            let mut event = recorded(sequence, "user.logged_in", "1", json!({}));
            position += 1;
            event.envelope.aggregate_id = format!("u{number}");
            event.envelope.position = Position(position);
            event
        };
        (1..).take(*length).map(event).collect()
    };
    lengths.iter().enumerate().map(&mut stream).collect()
}

fn folded<'a>(batches: impl IntoIterator<Item = &'a [Recorded]>) -> Result<HashMap<String, Remembered>, ApplyError> {
    let mut rows = HashMap::new();
    for batch in batches {
        fold(&mut rows, batch)?;
    }
    Ok(rows)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_of_streams_in_any_batches_gives_the_same_rows(
        lengths in vec(1..6_usize, 1..6),
        choices in vec(any::<Index>(), 36),
        batch_size in 1..10_usize,
    ) {
        let streams = streams(&lengths);
        let sequential = folded(streams.iter().map(Vec::as_slice)).expect("valid streams");

        let mut left: Vec<_> = streams.iter().map(|stream| stream.iter()).collect();
        let mut interleaved = Vec::new();
        for choice in choices {
            left.retain(|stream| stream.len() > 0);
            if left.is_empty() {
                break;
            }
            let chosen = choice.index(left.len());
            interleaved.extend(left[chosen].next().cloned());
        }
        prop_assert_eq!(interleaved.len(), lengths.iter().sum::<usize>());
        let rows = folded(interleaved.chunks(batch_size)).expect("valid streams");
        prop_assert_eq!(rows, sequential);
    }

    #[test]
    fn a_stream_with_any_event_missing_is_refused_at_the_next_one(length in 2..8_usize, choice in any::<Index>()) {
        let mut events = streams(&[length]).remove(0);
        let missing = choice.index(length - 1);
        events.remove(missing);
        let next = events[missing].envelope.position;
        match folded([events.as_slice()]) {
            Err(ApplyError::Rule { position, .. }) => prop_assert_eq!(position, next),
            other => panic!("{other:?}"),
        }
    }
}
