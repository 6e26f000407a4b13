//! The time zone a cinema's days are counted in.

use std::str::FromStr;

use super::InvalidValue;
use crate::string_newtype::string_newtype;

string_newtype! {
    /// A zone of the IANA time zone database by its name, `Europe/Berlin`.
    #[derive(Debug)]
    TimeZone
}

impl TimeZone {
    /// Parses the name of a zone in the IANA time zone database, upper and lower case as there.
    ///
    /// # Errors
    /// `UNKNOWN_TIME_ZONE` for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        match chrono_tz::Tz::from_str(text) {
            Ok(zone) => Ok(Self(zone.name().to_owned())),
            Err(_) => Err(InvalidValue::new(
                "UNKNOWN_TIME_ZONE",
                "must be the name of a zone in the IANA time zone database, such as Europe/Berlin",
            )),
        }
    }
}
