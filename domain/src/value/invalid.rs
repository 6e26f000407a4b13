//! Why a value was refused.

/// A refused value: a stable code for programs and a sentence for people.
///
/// The codes: `TOO_SHORT`, `TOO_LONG`, `CONTROL_CHARACTER`, `INVALID_EMAIL`, `INVALID_ID`, `INVALID_DATE`,
/// `INVALID_GENRE`, `INVALID_SCHEME`, `INVALID_LANGUAGE`, `INVALID_ROLE`, `INVALID_EXTERNAL_ID`, `DUPLICATE_GENRE`,
/// `DUPLICATE_RATING`, `DUPLICATE_LANGUAGE`, `DUPLICATE_COUNTRY`, `DUPLICATE_CREDIT`, `DUPLICATE_EXTERNAL_ID`,
/// `OUT_OF_RANGE`, `UNKNOWN_ROLE`, `UNKNOWN_AGE_RATING`, `UNKNOWN_COUNTRY`, `UNKNOWN_TIME_ZONE`.
/// The detail states the rule and never repeats the refused text, which may be personal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct InvalidValue {
    /// Stable name of the broken rule, `UPPER_SNAKE`.
    pub code: &'static str,
    /// The rule, to be read after the field's name: "must be …".
    pub detail: String,
}

impl InvalidValue {
    pub(crate) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }
}
