//! A generation: one complete set of a projection's tables, in a schema of its own that is never renamed.

use std::fmt;

/// One set of a projection's tables. Displays as the schema's name (`catalog_g1`), safe to put into SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    projection: &'static str,
    /// Counted from 1, never used twice.
    pub number: i64,
}

impl Generation {
    /// Names the generation `number` of a projection, whose name is part of the code and plain lower case.
    pub fn new(projection: &'static str, number: i64) -> Self {
        debug_assert!(projection.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        Self { projection, number }
    }
}

impl Generation {
    /// Names the session's temporary tables, for a generation that nobody else sees and that is gone with the session.
    pub(crate) fn temporary(projection: &'static str) -> Self {
        Self { projection, number: 0 }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.number == 0 {
            return formatter.write_str("pg_temp");
        }
        write!(formatter, "{}_g{}", self.projection, self.number)
    }
}
