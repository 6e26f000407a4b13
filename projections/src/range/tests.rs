//! Whatever the bus does, every position is applied exactly once and in order, and the log is asked only when needed.

use std::collections::BTreeSet;

use domain::Position;
use event_bus::KeyTotal;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::Index;

use super::{Closed, Ranges, Source, Taken};

const HELD_MAX: usize = 1_000;

/// A message of the bus, as far as ranges are concerned.
#[derive(Clone, Copy, Debug)]
enum Sent {
    Event(i64),
    Watermark(i64, i64),
}

/// A log: of each position whether its key is bound.
type Log = Vec<bool>;

fn bound(log: &Log, from: i64, to: i64) -> impl Iterator<Item = i64> {
    (from + 1..=to).filter(|position| log[usize::try_from(position - 1).expect("positive")])
}

fn totals(log: &Log, from: i64, to: i64) -> KeyTotal {
    bound(log, from, to).fold(KeyTotal::default(), |total, position| KeyTotal {
        count: total.count + 1,
        sum: total.sum + position,
    })
}

/// What a relay publishes without any fault: the bound events of each range, then its watermark.
fn published(log: &Log, lengths: &[usize]) -> Vec<Sent> {
    let head = log.len() as i64;
    let (mut sent, mut from, mut lengths) = (Vec::new(), 0, lengths.iter().cycle());
    while from < head {
        let to = head.min(from + *lengths.next().expect("a cycle") as i64);
        sent.extend(bound(log, from, to).map(Sent::Event));
        sent.push(Sent::Watermark(from, to));
        from = to;
    }
    sent
}

/// A fault of the bus or of the relay.
#[derive(Clone, Debug)]
enum Fault {
    /// A message is lost.
    Lose(Index),
    /// A message comes again later.
    Double(Index, Index),
    /// Two messages change places.
    Swap(Index, Index),
    /// A relay goes back, closing ranges that were closed, cut elsewhere.
    GoBack(Index, Vec<usize>),
    /// A watermark that fits no other.
    Overlap(Index, Index),
}

impl Fault {
    fn strategy() -> impl Strategy<Value = Self> {
        let index = any::<Index>;
        proptest::prop_oneof![
            index().prop_map(Self::Lose),
            (index(), index()).prop_map(|(of, at)| Self::Double(of, at)),
            (index(), index()).prop_map(|(one, other)| Self::Swap(one, other)),
            (index(), vec(1..9_usize, 1..5)).prop_map(|(at, lengths)| Self::GoBack(at, lengths)),
            (index(), index()).prop_map(|(from, to)| Self::Overlap(from, to)),
        ]
    }

    fn strike(&self, log: &Log, sent: &mut Vec<Sent>) {
        if sent.is_empty() {
            return;
        }
        match self {
            Self::Lose(at) => drop(sent.remove(at.index(sent.len()))),
            Self::Double(of, at) => sent.insert(at.index(sent.len()), sent[of.index(sent.len())]),
            Self::Swap(one, other) => {
                let length = sent.len();
                sent.swap(one.index(length), other.index(length));
            }
            Self::GoBack(at, lengths) => {
                let at = at.index(sent.len());
                sent.truncate(at);
                let again = published(log, lengths);
                let start = again.len() / 3;
                sent.extend(again.into_iter().skip(start));
            }
            Self::Overlap(one, other) => {
                let ends = [one.index(log.len()) as i64, other.index(log.len()) as i64];
                let (from, to) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
                sent.insert(other.index(sent.len()), Sent::Watermark(from, to));
            }
        }
    }
}

/// Takes messages, and checks each closed range against what was delivered of it.
struct Model {
    log: Log,
    ranges: Ranges<i64>,
    delivered: BTreeSet<i64>,
    closed: i64,
    applied: Vec<i64>,
    healed: usize,
}

impl Model {
    fn new(log: Log) -> Self {
        let ranges = Ranges::new(Position(0), HELD_MAX);
        Self {
            log,
            ranges,
            delivered: BTreeSet::new(),
            closed: 0,
            applied: Vec::new(),
            healed: 0,
        }
    }

    fn take(&mut self, sent: Sent) {
        match sent {
            Sent::Event(position) => {
                let expected = position > self.closed && self.delivered.insert(position);
                let taken = self.ranges.hold(Position(position), position);
                assert_eq!(taken, if expected { Taken::Held } else { Taken::Duplicate });
            }
            Sent::Watermark(from, to) => {
                let range = self
                    .ranges
                    .close(Position(from), Position(to), totals(&self.log, from, to));
                let complete = from == self.closed && bound(&self.log, from, to).all(|at| self.delivered.contains(&at));
                self.apply(range, to, complete);
            }
        }
    }

    fn close_from_log(&mut self) {
        let head = self.log.len() as i64;
        let range = self.ranges.close_from_log(Position(head));
        self.apply(range, head, false);
    }

    fn apply(&mut self, range: Option<Closed<i64>>, to: i64, complete: bool) {
        let Some(range) = range else {
            return assert!(to <= self.closed, "({}, {to}] was open", self.closed);
        };
        assert_eq!((range.from, range.to), (Position(self.closed), Position(to)));
        match range.source {
            Source::Held(events) => {
                assert!(complete, "what is not all there must come from the log");
                self.applied.extend(events);
            }
            Source::Log => {
                assert!(!complete, "what is all there needs no log");
                self.applied.extend(bound(&self.log, self.closed, to));
                self.healed += 1;
            }
        }
        self.closed = to;
    }
}

fn logs() -> impl Strategy<Value = Log> {
    vec(any::<bool>(), 1..60)
}

proptest! {
    #[test]
    fn whatever_the_bus_does_every_bound_position_is_applied_once_and_in_order(
        (log, lengths, faults) in (logs(), vec(1..9_usize, 1..6), vec(Fault::strategy(), 0..12)),
    ) {
        let mut sent = published(&log, &lengths);
        faults.iter().for_each(|fault| fault.strike(&log, &mut sent));
        let mut model = Model::new(log);
        sent.into_iter().for_each(|message| model.take(message));
        model.close_from_log();
        let all: Vec<i64> = bound(&model.log, 0, model.log.len() as i64).collect();
        prop_assert_eq!(model.applied, all);
        prop_assert!(model.ranges.held.is_empty());
    }

    #[test]
    fn a_bus_without_faults_never_asks_the_log(
        (log, lengths) in (logs(), vec(1..9_usize, 1..6)),
    ) {
        let mut model = Model::new(log.clone());
        published(&log, &lengths).into_iter().for_each(|message| model.take(message));
        prop_assert_eq!((model.closed, model.healed), (log.len() as i64, 0));
    }

    #[test]
    fn events_in_any_order_before_their_watermark_need_no_log(
        (log, order) in logs().prop_flat_map(|log| {
            let all: Vec<i64> = bound(&log, 0, log.len() as i64).collect();
            (Just(log), Just(all).prop_shuffle())
        }),
    ) {
        let head = log.len() as i64;
        let mut model = Model::new(log);
        order.into_iter().map(Sent::Event).chain([Sent::Watermark(0, head)]).for_each(|message| model.take(message));
        prop_assert_eq!(model.healed, 0);
    }

    /// Acknowledging through a watermark may acknowledge later events that are held: they do not come again.
    #[test]
    fn a_consumer_that_dies_with_later_events_acknowledged_misses_none_of_them(
        (log, lengths, faults, crash) in
            (logs(), vec(1..9_usize, 1..6), vec(Fault::strategy(), 0..12), any::<Index>()),
    ) {
        let mut sent = published(&log, &lengths);
        faults.iter().for_each(|fault| fault.strike(&log, &mut sent));
        let crash = crash.index(sent.len() + 1);
        let mut model = Model::new(log);
        sent[..crash].iter().for_each(|message| model.take(*message));
        let acknowledged = sent[..crash].iter().rposition(|message| matches!(message, Sent::Watermark(..)));
        model.ranges = Ranges::new(Position(model.closed), HELD_MAX);
        model.delivered.clear();
        sent[acknowledged.map_or(0, |last| last + 1)..].iter().for_each(|message| model.take(*message));
        model.close_from_log();
        let all: Vec<i64> = bound(&model.log, 0, model.log.len() as i64).collect();
        prop_assert_eq!(model.applied, all);
    }
}

#[test]
fn what_finds_no_room_is_missed_by_its_watermark_and_comes_from_the_log() {
    let mut ranges = Ranges::new(Position(0), 2);
    assert_eq!(
        [1, 2, 3].map(|at| ranges.hold(Position(at), at)),
        [Taken::Held, Taken::Held, Taken::NoRoom]
    );
    assert!(ranges.is_full());
    let closed = ranges.close(Position(0), Position(3), KeyTotal { count: 3, sum: 6 });
    assert_eq!(
        closed,
        Some(Closed {
            from: Position(0),
            to: Position(3),
            source: Source::Log
        })
    );
    assert!(!ranges.is_full());
}

#[test]
fn a_stranger_among_the_held_is_told_by_the_sum() {
    let mut ranges = Ranges::new(Position(0), 10);
    ranges.hold(Position(2), 2);
    let closed = ranges.close(Position(0), Position(3), KeyTotal { count: 1, sum: 3 });
    assert_eq!(closed.map(|closed| closed.source), Some(Source::Log));
}

#[test]
fn a_sign_of_life_closes_nothing_new() {
    let mut ranges = Ranges::<i64>::new(Position(7), 10);
    assert_eq!(ranges.close(Position(7), Position(7), KeyTotal::default()), None);
    assert_eq!(
        ranges.close(Position(0), Position(5), KeyTotal { count: 5, sum: 15 }),
        None
    );
}

#[test]
fn a_sign_of_life_further_on_shows_that_a_watermark_was_lost() {
    let mut ranges = Ranges::<i64>::new(Position(7), 10);
    let closed = ranges.close(Position(9), Position(9), KeyTotal::default());
    assert_eq!(
        closed,
        Some(Closed {
            from: Position(7),
            to: Position(9),
            source: Source::Log
        })
    );
}

#[test]
fn positions_beyond_all_bounds_do_no_harm() {
    let last = Position(i64::MAX);
    let before = Position(i64::MAX - 1);
    let mut ranges = Ranges::new(Position(0), HELD_MAX);
    assert_eq!(ranges.hold(before, ()), Taken::Held);
    assert_eq!(ranges.hold(last, ()), Taken::Held);
    let count_and_sum = KeyTotal { count: 1, sum: last.0 };
    let closed = ranges.close(before, last, count_and_sum).expect("a range");
    assert_eq!(closed.source, Source::Log);
}

#[test]
fn of_a_forged_and_a_genuine_event_at_one_position_neither_is_believed_whichever_comes_first() {
    for (first, second) in [("forged", "genuine"), ("genuine", "forged")] {
        let mut ranges = Ranges::new(Position(0), HELD_MAX);
        assert_eq!(ranges.hold(Position(1), first), Taken::Held);
        assert_eq!(ranges.hold(Position(1), first), Taken::Duplicate);
        assert_eq!(ranges.hold(Position(1), second), Taken::Contradicted);
        assert_eq!(ranges.hold(Position(1), "genuine"), Taken::Contradicted);
        let closed = ranges.close(Position(0), Position(1), KeyTotal { count: 1, sum: 1 });
        let from_log = Closed {
            from: Position(0),
            to: Position(1),
            source: Source::Log,
        };
        assert_eq!(closed, Some(from_log));
        assert_eq!(ranges.hold(Position(2), "genuine"), Taken::Held);
        let closed = ranges.close(Position(1), Position(2), KeyTotal { count: 1, sum: 2 });
        assert_eq!(closed.map(|closed| closed.source), Some(Source::Held(vec!["genuine"])));
    }
}

#[test]
fn what_is_forged_for_positions_that_never_come_takes_no_room_for_good() {
    let mut ranges = Ranges::new(Position(0), 2);
    for position in [i64::MAX, i64::MAX - 1] {
        assert_eq!(ranges.hold(Position(position), ()), Taken::Held);
    }
    assert!(ranges.is_full());
    ranges.forget_held();
    assert!(!ranges.is_full());
    assert_eq!(ranges.hold(Position(1), ()), Taken::Held);
}
