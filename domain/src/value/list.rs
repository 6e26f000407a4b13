//! The shape every list of values shares: bounded, in the order given, nothing twice.

use std::collections::HashSet;
use std::hash::Hash;

use super::InvalidValue;

/// Declares a newtype over `Vec` with `as_slice`, `is_empty` and transparent serde. Only its own `parse` makes one;
/// `Deserialize` does not validate: what was once accepted must load for ever.
macro_rules! list_newtype {
    ($(#[$attribute:meta])* $name:ident of $item:ty, by $rule:ident) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(Vec<$item>);

        impl $name {
            /// Most items.
            pub const MOST: usize = $rule.most;

            /// Gives the items in order.
            #[must_use]
            pub fn as_slice(&self) -> &[$item] {
                &self.0
            }

            /// Tells whether there are none.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }
    };
}

pub(super) use list_newtype;

/// What a list of one kind may hold.
pub(super) struct ListRule {
    /// What its items are called in a message, in the plural.
    pub(super) items: &'static str,
    /// Most items.
    pub(super) most: usize,
    /// The code of a repetition.
    pub(super) twice: &'static str,
}

impl ListRule {
    /// Lets a list pass that is not too long and in which no key occurs twice.
    ///
    /// # Errors
    /// `TOO_LONG` and the rule's own code; the detail counts the items from 1.
    pub(super) fn check<T, K: Eq + Hash>(&self, list: Vec<T>, key: impl Fn(&T) -> K) -> Result<Vec<T>, InvalidValue> {
        let Self { items, most, twice } = self;
        if list.len() > *most {
            return Err(InvalidValue::new(
                "TOO_LONG",
                format!("must name at most {most} {items}"),
            ));
        }
        let mut seen = HashSet::new();
        if let Some(index) = list.iter().position(|item| !seen.insert(key(item))) {
            let place = index + 1;
            return Err(InvalidValue::new(
                twice,
                format!("must not repeat one of its {items}, as number {place} does"),
            ));
        }
        Ok(list)
    }
}

/// Parses a word that programs compare: 1-32 characters, a-z, 0-9 and hyphens between them; upper case is taken as lower.
pub(super) fn parse_key(text: &str, code: &'static str) -> Result<String, InvalidValue> {
    const LENGTH_MAX: usize = 32;
    let key = text.to_ascii_lowercase();
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if key.len() <= LENGTH_MAX && key.split('-').all(is_word) {
        Ok(key)
    } else {
        Err(InvalidValue::new(
            code,
            format!("must be 1 to {LENGTH_MAX} characters: words of a-z and 0-9 joined by hyphens"),
        ))
    }
}
