//! Which failures were told of since a consumer got on last: the log tells each once, however often it is met.

use std::collections::BTreeSet;

/// The most that are remembered; one more is told each time.
const TOLD_MAX: usize = 32;

/// Failures by what they say, whatever numbers they name: positions, ports and times differ from one attempt to the next.
#[derive(Debug, Default)]
pub(super) struct Told {
    texts: BTreeSet<String>,
    failures: u64,
}

impl Told {
    /// Counts a failure, and tells whether it is the first of its kind.
    pub(super) fn note(&mut self, text: &str) -> bool {
        self.failures += 1;
        let text: String = text.chars().filter(|character| !character.is_ascii_digit()).collect();
        if self.texts.contains(&text) {
            return false;
        }
        if self.texts.len() < TOLD_MAX {
            self.texts.insert(text);
        }
        true
    }

    /// Begins anew, and gives how many failures there were.
    pub(super) fn forget(&mut self) -> u64 {
        self.texts.clear();
        std::mem::take(&mut self.failures)
    }
}

#[cfg(test)]
mod tests {
    use super::{TOLD_MAX, Told};

    #[test]
    fn a_failure_is_told_once_whatever_it_is_met_with_in_between_until_the_consumer_has_got_on() {
        let mut told = Told::default();
        assert!(told.note("the broker closed the channel: 406, delivery 17"));
        assert!(told.note("the database is away"));
        for attempt in 0..43 {
            assert!(!told.note(&format!("the broker closed the channel: 406, delivery {attempt}")));
            assert!(!told.note("the database is away"));
        }
        assert_eq!(told.forget(), 88);
        assert!(told.note("the database is away"));
        assert_eq!(told.forget(), 1);
        assert_eq!(told.forget(), 0);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut told = Told::default();
        for nr in 0..2 * TOLD_MAX {
            assert!(told.note(&"x".repeat(nr)));
        }
        assert_eq!(told.texts.len(), TOLD_MAX);
    }
}
