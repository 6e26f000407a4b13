//! Ids of streams and cities: chosen by the client or made, safe in URLs, keys and logs.

use crate::InvalidValue;
use crate::string_newtype::string_newtype;

const LENGTH_MAX: usize = 64;

/// Checks the one rule of all ids: 1-64 characters of `[A-Za-z0-9_-]`, taken as they are.
fn parse_id(text: &str) -> Result<String, InvalidValue> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if (1..=LENGTH_MAX).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(InvalidValue::new(
            "INVALID_ID",
            format!("must be 1 to {LENGTH_MAX} characters of A-Z, a-z, 0-9, _ and -"),
        ))
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        string_newtype! {
            $(#[$doc])*
            #[derive(Debug)]
            $name
        }

        impl $name {
            /// Parses an id: 1-64 characters of `[A-Za-z0-9_-]`, nothing trimmed.
            ///
            /// # Errors
            /// `INVALID_ID` for anything else.
            pub fn parse(text: &str) -> Result<Self, InvalidValue> {
                parse_id(text).map(Self)
            }
        }
    };
}

id! {
    /// Names a user's stream.
    UserId
}
id! {
    /// Names a movie's stream.
    MovieId
}
id! {
    /// Names a cinema's stream.
    CinemaId
}
id! {
    /// Names a city. Cities have no stream: a city is what cinemas share.
    CityId
}
