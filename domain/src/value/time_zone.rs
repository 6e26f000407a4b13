//! The time zone a cinema's days are counted in.

use super::InvalidValue;
use crate::string_newtype::string_newtype;

string_newtype! {
    /// A zone of the IANA time zone database by its name, `Europe/Berlin`. Events of old may name an offset, `UTC`.
    #[derive(Debug)]
    TimeZone
}

impl TimeZone {
    /// Parses the name of a place's zone in the IANA time zone database in use, upper and lower case as there.
    ///
    /// # Errors
    /// `UNKNOWN_TIME_ZONE` for anything else, names that stand for an offset among it: no cinema stands in one.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let refused = |detail| Err(InvalidValue::new("UNKNOWN_TIME_ZONE", detail));
        if time_zones::in_use().get(text).is_none() {
            return refused("must be the name of a zone in the IANA time zone database, such as Europe/Berlin");
        }
        if time_zones::is_fixed_offset(text) {
            return refused("must be the zone of a place, such as Europe/Berlin, and not an offset from UTC");
        }
        Ok(Self(text.to_owned()))
    }
}
