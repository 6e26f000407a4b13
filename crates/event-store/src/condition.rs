//! What a request requires of the state of its command's stream (RFC 9110, 13.1.1 and 13.1.2).

use domain::Sequence;

use crate::state_tag::StateTag;

/// A condition of a command; the default one always holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// The stream has to be in one of these states.
    pub if_match: Option<States>,
    /// The stream must not be in any of these states.
    pub if_none_match: Option<States>,
}

/// States of a stream; that of a stream without events is never among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum States {
    /// Whichever it is in.
    Any,
    /// Those of these tags, each in its log.
    OneOf(Vec<StateTag>),
}

/// The part of a condition that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedCondition {
    /// [`Condition::if_match`].
    IfMatch,
    /// [`Condition::if_none_match`].
    IfNoneMatch,
}

impl Condition {
    /// Tells whether there is none.
    pub(crate) fn is_none(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }

    /// Tells whether it is about states of certain logs.
    pub(crate) fn names_log(&self) -> bool {
        let mut parts = [&self.if_match, &self.if_none_match].into_iter().flatten();
        parts.any(|states| matches!(states, States::OneOf(_)))
    }

    /// Finds what does not hold for a stream in a state, in the order of RFC 9110, 13.2.2.
    pub(crate) fn failure(&self, state: StateTag) -> Option<FailedCondition> {
        if self.if_match.as_ref().is_some_and(|states| !states.include(state)) {
            Some(FailedCondition::IfMatch)
        } else if self.if_none_match.as_ref().is_some_and(|states| states.include(state)) {
            Some(FailedCondition::IfNoneMatch)
        } else {
            None
        }
    }
}

impl States {
    fn include(&self, state: StateTag) -> bool {
        state.sequence > Sequence(0)
            && match self {
                Self::Any => true,
                Self::OneOf(tags) => tags.contains(&state),
            }
    }
}

#[cfg(test)]
mod tests {
    use domain::Sequence;

    use uuid::Uuid;

    use super::{Condition, FailedCondition, States};
    use crate::state_tag::StateTag;

    const LOG: Uuid = Uuid::from_u128(7 << 96);

    #[test]
    fn each_part_holds_for_the_states_it_is_about() {
        let of = |log_id, sequences: &[i64]| {
            let tag = |&sequence| StateTag::new(log_id, Sequence(sequence));
            Some(States::OneOf(sequences.iter().map(tag).collect()))
        };
        let one_of = |sequences: &[i64]| of(LOG, sequences);
        let lost = |sequence| of(Uuid::nil(), &[sequence]);
        let failures = |if_match: Option<States>, if_none_match: Option<States>| {
            let condition = Condition {
                if_match,
                if_none_match,
            };
            [0, 1, 2].map(|sequence| condition.failure(StateTag::new(LOG, Sequence(sequence))))
        };
        let (unmatched, matched) = (Some(FailedCondition::IfMatch), Some(FailedCondition::IfNoneMatch));
        let table = [
            (None, None, [None, None, None]),
            (Some(States::Any), None, [unmatched, None, None]),
            (one_of(&[1, 7]), None, [unmatched, None, unmatched]),
            (one_of(&[0]), None, [unmatched, unmatched, unmatched]),
            (one_of(&[]), None, [unmatched, unmatched, unmatched]),
            (lost(1), None, [unmatched, unmatched, unmatched]),
            (None, lost(2), [None, None, None]),
            (None, Some(States::Any), [None, matched, matched]),
            (None, one_of(&[7, 2]), [None, None, matched]),
            (None, one_of(&[]), [None, None, None]),
            (one_of(&[1, 2]), one_of(&[2]), [unmatched, None, matched]),
        ];
        for (if_match, if_none_match, expected) in table {
            assert_eq!(
                failures(if_match.clone(), if_none_match.clone()),
                expected,
                "{if_match:?} {if_none_match:?}"
            );
        }
    }
}
