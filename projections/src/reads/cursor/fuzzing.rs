//! Whatever a client sends as a cursor, it is refused or holds nothing the database would refuse.

use chrono::Datelike;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Cursor;
use crate::parameters::{CursorDate, CursorText};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/cursors");

/// An input is the cursor, or what is in it.
#[test]
fn a_cursor_is_refused_or_is_a_place_that_the_database_can_take() {
    fuzz::fuzz(CORPUS, |input| {
        let sent = String::from_utf8_lossy(input).into_owned();
        [sent, base64url(input)].map(|cursor| {
            let texts: Option<(CursorText, CursorText)> = place(&cursor);
            if let Some((first, second)) = &texts {
                assert!(!first.0.contains('\0') && !second.0.contains('\0'));
            }
            let dated: Option<(CursorDate, CursorText)> = place(&cursor);
            if let Some((date, text)) = &dated {
                assert!((0..10_000).contains(&date.0.year()) && !text.0.contains('\0'));
            }
            let position: Option<i64> = place(&cursor);
            (texts.is_some(), dated.is_some(), position.is_some())
        })
    });
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// The place of a cursor of this list, which is the same once it is written again.
fn place<K: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(cursor: &str) -> Option<K> {
    let list = "fuzz";
    let key: K = Cursor::decode(cursor, &list).ok()?;
    let again: K = Cursor::decode(&Cursor::encode(&key, &list), &list).expect("one of ours");
    assert_eq!(again, key);
    Some(key)
}
