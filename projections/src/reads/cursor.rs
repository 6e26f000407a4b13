//! Where the next page of a list begins, opaque to the client and bound to the list it came from.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use service::{FieldError, Problem};
use sha2::{Digest, Sha256};

const LENGTH_MAX: usize = 2_048;
const FINGERPRINT_BYTES: usize = 9;

/// Makes and reads cursors: base64url of JSON, holding the last item's sort key and a fingerprint of the list's
/// parameters. A cursor is not secret and not signed: its key must be validated like any other input.
#[derive(Debug)]
pub struct Cursor;

#[derive(Serialize, Deserialize)]
struct Content<K> {
    key: K,
    list: String,
}

impl Cursor {
    /// Makes the cursor that continues after `key` in the list with these parameters (all but `limit` and `cursor`).
    pub fn encode(key: &impl Serialize, parameters: &impl Serialize) -> String {
        let content = Content {
            key,
            list: fingerprint(parameters),
        };
        let json = serde_json::to_vec(&content).expect("keys are plain data with string keys");
        URL_SAFE_NO_PAD.encode(json)
    }

    /// Reads the key back.
    ///
    /// # Errors
    /// 400 `INVALID_CURSOR` when it is damaged or belongs to a list with other parameters.
    pub fn decode<K: DeserializeOwned>(cursor: &str, parameters: &impl Serialize) -> Result<K, Problem> {
        let content = Some(cursor)
            .filter(|cursor| cursor.len() <= LENGTH_MAX)
            .and_then(|cursor| URL_SAFE_NO_PAD.decode(cursor).ok())
            .and_then(|json| serde_json::from_slice::<Content<K>>(&json).ok())
            .ok_or_else(|| invalid("the cursor is damaged; start again without it"))?;
        if content.list != fingerprint(parameters) {
            return Err(invalid("the cursor belongs to a list with other parameters"));
        }
        Ok(content.key)
    }
}

fn fingerprint(parameters: &impl Serialize) -> String {
    let json = serde_json::to_vec(parameters).expect("parameters are plain data with string keys");
    URL_SAFE_NO_PAD.encode(&Sha256::digest(json)[..FINGERPRINT_BYTES])
}

fn invalid(detail: &str) -> Problem {
    let error = FieldError::new("/cursor", "INVALID_VALUE", detail);
    Problem::new(StatusCode::BAD_REQUEST, "INVALID_CURSOR", detail).with_error(error)
}

#[cfg(test)]
mod fuzzing;

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn a_cursor_gives_its_key_back_for_the_same_parameters() {
        let cursor = Cursor::encode(&("Alien", "m-1"), &("genre", "horror"));
        let key: (String, String) = Cursor::decode(&cursor, &("genre", "horror")).expect("same parameters");
        assert_eq!(key, ("Alien".into(), "m-1".into()));
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let cursor = Cursor::encode(&"Alien", &("genre", "horror"));
        assert!(Cursor::decode::<String>(&cursor, &("genre", "drama")).is_err());
    }

    #[test]
    fn a_damaged_cursor_is_refused() {
        for damaged in ["", "?", "bm90IGpzb24", &"A".repeat(5_000)] {
            assert!(Cursor::decode::<String>(damaged, &()).is_err(), "{damaged:.20}");
        }
    }
}
