//! Which positions may be applied: only those that a watermark, or the log itself, has closed. No I/O.
//!
//! Deliveries are held by position. A closed range that begins where the last one ended, and whose held events agree
//! with the watermark in count and sum of positions, is complete and applied from what is held. None is held twice, so
//! genuine events can only be a subset of the range's: equal count is equal content, and the sum catches a mistake in that
//! reasoning. A forged event is told by the genuine one, which comes to the same position and is another: nothing at that
//! position is believed. Any other closed range is applied from the log.
//!
//! Nothing else needs remembering: every position up to the end of the last closed range has been handed out exactly once, so a
//! delivery at or below it is a duplicate.

use std::collections::{BTreeMap, BTreeSet};

use domain::Position;
use event_bus::KeyTotal;

#[cfg(test)]
mod tests;

/// A range `(from, to]` that is to be applied, all of it, before anything later.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed<T> {
    /// Everything up to here was handed out before.
    pub(crate) from: Position,
    /// The last position of the range.
    pub(crate) to: Position,
    /// Where its events come from.
    pub(crate) source: Source<T>,
}

/// Where the events of a closed range come from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source<T> {
    /// They were all delivered; in position order.
    Held(Vec<T>),
    /// They must be read from the log.
    Log,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is held until its range is closed.
    Held,
    /// It was handed out or is held already; dropped.
    Duplicate,
    /// Another one is held at its position, so one of the two is forged; both dropped, which the range's totals will show.
    Contradicted,
    /// There is no room; dropped, which its range's totals will show.
    NoRoom,
}

/// The deliveries that are held, above the position up to which everything was handed out.
#[derive(Debug)]
pub(crate) struct Ranges<T> {
    closed: Position,
    held: BTreeMap<Position, T>,
    /// Where a held event was contradicted; nothing is held there.
    contradicted: BTreeSet<Position>,
    held_max: usize,
}

impl<T: PartialEq> Ranges<T> {
    /// Starts at a checkpoint, holding nothing, and at most `held_max` deliveries at any time.
    pub(crate) fn new(checkpoint: Position, held_max: usize) -> Self {
        Self {
            closed: checkpoint,
            held: BTreeMap::new(),
            contradicted: BTreeSet::new(),
            held_max,
        }
    }

    /// Tells whether there is no room for another delivery.
    pub(crate) fn is_full(&self) -> bool {
        self.held.len() + self.contradicted.len() >= self.held_max
    }

    /// Takes a delivered event of a bound key.
    pub(crate) fn hold(&mut self, position: Position, event: T) -> Taken {
        if position <= self.closed {
            return Taken::Duplicate;
        }
        if self.contradicted.contains(&position) {
            return Taken::Contradicted;
        }
        if let Some(held) = self.held.get(&position) {
            if *held == event {
                return Taken::Duplicate;
            }
            self.held.remove(&position);
            self.contradicted.insert(position);
            return Taken::Contradicted;
        }
        if self.is_full() {
            return Taken::NoRoom;
        }
        self.held.insert(position, event);
        Taken::Held
    }

    /// Closes `(from, to]` on the word of a watermark, whose totals are those of the bound keys. `None` when all of it
    /// was closed before.
    ///
    /// When `from` is not where the last range ended, a watermark was lost or overlaps what is closed; the totals then
    /// tell nothing about the rest, which comes from the log.
    pub(crate) fn close(&mut self, from: Position, to: Position, totals: KeyTotal) -> Option<Closed<T>> {
        let complete = from == self.closed && to > from && self.totals_to(to) == (totals.count, totals.sum);
        self.close_with(to, complete)
    }

    /// Closes everything up to `to` on the word of the log.
    pub(crate) fn close_from_log(&mut self, to: Position) -> Option<Closed<T>> {
        self.close_with(to, false)
    }

    fn close_with(&mut self, to: Position, complete: bool) -> Option<Closed<T>> {
        if to <= self.closed {
            return None;
        }
        let later = self.held.split_off(&Position(to.0.saturating_add(1)));
        let of_range = std::mem::replace(&mut self.held, later);
        self.contradicted = self.contradicted.split_off(&Position(to.0.saturating_add(1)));
        let from = std::mem::replace(&mut self.closed, to);
        let source = if complete {
            Source::Held(of_range.into_values().collect())
        } else {
            Source::Log
        };
        Some(Closed { from, to, source })
    }

    /// Drops what is held: its ranges will come from the log.
    pub(crate) fn forget_held(&mut self) {
        self.held.clear();
        self.contradicted.clear();
    }

    /// Count and sum of the held positions up to `to`. Anybody can publish a position beyond all bounds.
    fn totals_to(&self, to: Position) -> (i64, i64) {
        self.held.range(..=to).fold((0, 0), |(count, sum), (position, _)| {
            (count + 1, i64::saturating_add(sum, position.0))
        })
    }
}
