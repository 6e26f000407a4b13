//! The watermark: a message that closes a range of the log and says what was in it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::Position;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Binding;

/// Closes the range `(from, to]` of the log: everything in it was published before this message.
///
/// The `from` of each is the `to` of the one before it; after a failure ranges may overlap earlier ones.
/// `from == to` is the sign of life of an idle relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// Identity of the log.
    pub log_id: Uuid,
    /// End of the range before, not part of this one.
    pub from: Position,
    /// Last position of the range.
    pub to: Position,
    /// What the range holds, by event type. Together the keys hold every position of the range once.
    pub keys: BTreeMap<String, KeyTotal>,
    /// The event at `to`: a log that has another one there is not the one that was published. None at position 0, and in
    /// messages of relays that did not tell.
    #[serde(default)]
    pub event_id: Option<Uuid>,
    /// When the event at `to` was recorded; none at position 0.
    pub recorded_at: Option<DateTime<Utc>>,
}

/// How many events, and the sum of their positions: together they tell a complete set from an incomplete one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTotal {
    /// Number of events.
    pub count: i64,
    /// Sum of their positions.
    pub sum: i64,
}

impl KeyTotal {
    /// Adds one event.
    pub fn add(&mut self, position: Position) {
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.saturating_add(position.0);
    }
}

impl Watermark {
    /// Returns what a queue with these bindings must have received of the range.
    ///
    /// A key belongs to the exchange that its first word names; a key matched by several bindings counts once,
    /// as a queue receives it once.
    pub fn totals_for(&self, bindings: &[Binding]) -> KeyTotal {
        let bound = |key: &str| {
            let exchange = key.split('.').next();
            bindings
                .iter()
                .any(|binding| exchange == Some(binding.exchange) && binding.matches(key))
        };
        self.keys
            .iter()
            .filter(|(key, _)| bound(key))
            .fold(KeyTotal::default(), |total, (_, key)| KeyTotal {
                count: total.count.saturating_add(key.count),
                sum: total.sum.saturating_add(key.sum),
            })
    }

    /// Tells whether the keys can be those of a dense range: each holds something, together they hold every position
    /// once.
    pub(crate) fn is_consistent(&self) -> bool {
        let (from, to) = (i128::from(self.from.0), i128::from(self.to.0));
        let keys = || self.keys.values();
        from >= 0
            && from <= to
            && keys().all(|key| key.count > 0 && key.sum > 0)
            && keys().map(|key| i128::from(key.count)).sum::<i128>() == to - from
            && keys().map(|key| i128::from(key.sum)).sum::<i128>() == (to * (to + 1) - from * (from + 1)) / 2
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::Position;
    use uuid::Uuid;

    use super::{KeyTotal, Watermark};
    use crate::Binding;

    fn watermark(from: i64, to: i64, keys: &[(&str, i64, i64)]) -> Watermark {
        let keys = keys
            .iter()
            .map(|&(key, count, sum)| (key.to_owned(), KeyTotal { count, sum }));
        let keys: BTreeMap<_, _> = keys.collect();
        Watermark {
            log_id: Uuid::nil(),
            from: Position(from),
            to: Position(to),
            keys,
            event_id: None,
            recorded_at: None,
        }
    }

    const MOVIES: Binding = Binding {
        exchange: "movie",
        pattern: "movie.#",
    };
    const ALL_OF_CINEMA: Binding = Binding {
        exchange: "cinema",
        pattern: "#",
    };

    #[test]
    fn the_totals_of_a_queue_are_those_of_the_keys_it_binds() {
        let closed = watermark(
            3,
            7,
            &[
                ("movie.announced", 2, 9),
                ("cinema.opened", 1, 6),
                ("user.created", 1, 7),
            ],
        );
        assert_eq!(closed.totals_for(&[MOVIES]), KeyTotal { count: 2, sum: 9 });
        assert_eq!(
            closed.totals_for(&[MOVIES, ALL_OF_CINEMA]),
            KeyTotal { count: 3, sum: 15 }
        );
        assert_eq!(closed.totals_for(&[]), KeyTotal::default());
    }

    #[test]
    fn a_key_bound_twice_counts_once() {
        let closed = watermark(0, 1, &[("movie.announced", 1, 1)]);
        let again = Binding {
            exchange: "movie",
            pattern: "*.announced",
        };
        assert_eq!(closed.totals_for(&[MOVIES, again]), KeyTotal { count: 1, sum: 1 });
    }

    #[test]
    fn only_totals_of_a_dense_range_are_consistent() {
        assert!(watermark(0, 0, &[]).is_consistent());
        assert!(watermark(7, 7, &[]).is_consistent());
        assert!(watermark(3, 6, &[("movie.announced", 2, 9), ("cinema.opened", 1, 6)]).is_consistent());
        assert!(
            !watermark(3, 6, &[("movie.announced", 2, 9)]).is_consistent(),
            "an event is missing"
        );
        assert!(
            !watermark(3, 6, &[("movie.announced", 3, 14)]).is_consistent(),
            "another event than those"
        );
        assert!(!watermark(6, 3, &[]).is_consistent(), "goes backward");
        assert!(!watermark(-1, 0, &[("movie.announced", 1, 0)]).is_consistent());
        let huge = watermark(0, i64::MAX, &[("a", i64::MAX, i64::MAX), ("b", i64::MAX, i64::MAX)]);
        assert!(!huge.is_consistent(), "no overflow");
    }
}
