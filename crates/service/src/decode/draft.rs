//! What a client sent, decoded as far as it goes.

use crate::{FieldError, Problem};

/// A value of the shape that was asked for, with something else in the place of what is wrong, and all that is wrong.
///
/// Whoever checks its fields further tells both at once: [`Draft::check`] gives nothing out while anything is wrong.
#[derive(Clone, Debug)]
pub struct Draft<T> {
    /// None when nothing could be put in the place of what is wrong.
    pub(super) value: Option<T>,
    pub(super) faults: Vec<FieldError>,
}

impl<T> Draft<T> {
    /// Tells whether the shape is right.
    pub fn is_whole(&self) -> bool {
        self.value.is_some() && self.faults.is_empty()
    }

    /// Takes the value, if nothing is wrong.
    ///
    /// # Errors
    /// 422 with everything that is wrong.
    pub fn whole(self) -> Result<T, Problem> {
        self.check(|value, _| Some(value))
    }

    /// Makes something of the value by a check that notes what is wrong, too, and gives `None` then. What is wrong at a place
    /// where something was wrong already, or within or around it, is not told again: it is about the value put there.
    ///
    /// # Errors
    /// 422 with everything that is wrong, in shape or by the check.
    pub fn check<V>(self, check: impl FnOnce(T, &mut Vec<FieldError>) -> Option<V>) -> Result<V, Problem> {
        let Self { value, mut faults } = self;
        let mut noted = Vec::new();
        let checked = value.and_then(|value| check(value, &mut noted));
        noted.retain(|one: &FieldError| !faults.iter().any(|told| overlap(&told.pointer, &one.pointer)));
        faults.extend(noted);
        match checked {
            Some(checked) if faults.is_empty() => Ok(checked),
            _ => Err(Problem::validation(faults)),
        }
    }
}

/// Whether one of two places is within the other, or the same. The empty pointer stands for a name that is not repeated.
fn overlap(one: &str, other: &str) -> bool {
    let is_within = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    !one.is_empty() && (is_within(one, other) || is_within(other, one))
}

#[cfg(test)]
mod tests {
    use super::{Draft, overlap};
    use crate::FieldError;

    fn fault(pointer: &str) -> FieldError {
        FieldError::new(pointer, "INVALID_TYPE", "is wrong")
    }

    fn told(faults: &[&str], noted: &[&str]) -> Vec<String> {
        let draft = Draft {
            value: Some(1),
            faults: faults.iter().copied().map(fault).collect(),
        };
        let checked = draft.check(|value, errors| {
            errors.extend(noted.iter().copied().map(fault));
            Some(value)
        });
        let errors = checked.map_or_else(|problem| problem.errors, |_| Vec::new());
        errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn faults_of_shape_and_of_value_are_told_together_and_each_place_once() {
        assert_eq!(told(&[], &[]), Vec::<String>::new());
        assert_eq!(told(&["/a"], &[]), ["/a"]);
        assert_eq!(told(&[], &["/b"]), ["/b"]);
        assert_eq!(told(&["/a"], &["/a", "/b"]), ["/a", "/b"]);
        assert_eq!(
            told(&["/a/0"], &["/a", "/a/0/name", "/a/1", "/ab"]),
            ["/a/0", "/a/1", "/ab"]
        );
        assert_eq!(told(&[""], &["/a"]), ["", "/a"]);
    }

    #[test]
    fn places_overlap_by_whole_names() {
        assert!(overlap("/a", "/a/b") && overlap("/a/b", "/a") && overlap("/a", "/a"));
        assert!(!overlap("/a", "/ab") && !overlap("", "/a") && !overlap("/a/0", "/a/1"));
    }
}
