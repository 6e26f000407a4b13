//! A time zone: which day it is there.

use chrono::{DateTime, NaiveDate, Utc};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Names that stand for an offset, besides all of `Etc/`. Some are links to places today; nobody means the place by them.
const FIXED_OFFSETS: [&str; 13] = [
    "EST",
    "Factory",
    "GMT",
    "GMT+0",
    "GMT-0",
    "GMT0",
    "Greenwich",
    "HST",
    "MST",
    "UCT",
    "UTC",
    "Universal",
    "Zulu",
];

/// Tells names that stand for an offset from UTC and for no place, such as `UTC`, `EST` and `Etc/GMT+3`.
#[must_use]
pub fn is_fixed_offset(name: &str) -> bool {
    name.starts_with("Etc/") || FIXED_OFFSETS.contains(&name)
}

/// A zone of the database.
#[derive(Clone, Debug)]
pub struct Zone(pub(crate) TimeZone);

impl Zone {
    /// Gives the day it is in the zone at a moment.
    #[must_use]
    pub fn day(&self, at: DateTime<Utc>) -> NaiveDate {
        let local = at.timestamp() + i64::from(self.offset_s(at));
        DateTime::from_timestamp(local, 0).unwrap_or(at).date_naive()
    }

    /// Gives how many seconds the zone is ahead of UTC at a moment.
    #[must_use]
    pub fn offset_s(&self, at: DateTime<Utc>) -> i32 {
        let at = Timestamp::from_second(at.timestamp());
        // Beyond what the library reckons with, ten thousand years from now, nothing changes.
        self.0.to_offset(at.unwrap_or(Timestamp::MAX)).seconds()
    }

    /// Gives the moments between two when the zone's offset changes, in order; each with the offset from then on.
    pub fn changes(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<(DateTime<Utc>, i32)> {
        let from = Timestamp::from_second(from.timestamp()).unwrap_or(Timestamp::MAX);
        let transitions = self.0.following(from).map(|transition| {
            let at = DateTime::from_timestamp(transition.timestamp().as_second(), 0);
            (at.unwrap_or(DateTime::<Utc>::MAX_UTC), transition.offset().seconds())
        });
        transitions.take_while(|(at, _)| *at < to).collect()
    }
}
