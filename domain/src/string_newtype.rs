//! The shape every text-like value and id shares: an owned string that only its own `parse` can make.

/// Declares a newtype over `String` with `as_str`, `Display` and transparent serde.
///
/// `Deserialize` does not validate: a value that was once accepted must load for ever, whatever the rule is today.
/// `Debug` is left to the caller, because personal data must not show in it.
macro_rules! string_newtype {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Gives the text as it is stored.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

pub(crate) use string_newtype;
