//! W3C Trace Context: the `traceparent` of a request, accepted or made.

use axum::http::HeaderMap;
use uuid::Uuid;

const HEADER: &str = "traceparent";

/// Gives the request's `traceparent`, or a new one when there is none, or more than one, or an invalid one
/// (the specification tells a receiver to restart the trace then).
pub(crate) fn accept_or_make(headers: &HeaderMap) -> String {
    let mut values = headers.get_all(HEADER).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value
            .to_str()
            .ok()
            .filter(|text| is_valid(text))
            .map_or_else(make, in_our_version),
        _ => make(),
    }
}

fn make() -> String {
    let parent = Uuid::new_v4().simple().to_string();
    format!("00-{}-{}-01", Uuid::new_v4().simple(), &parent[..16])
}

/// Passes on what a later version has in common with ours, as ours (W3C Trace Context, 3.2.4): of its flags only the
/// first is known.
fn in_our_version(valid: &str) -> String {
    if valid.starts_with("00-") {
        return valid.to_owned();
    }
    let ids = &valid["00-".len()..][..32 + 1 + 16];
    let is_sampled = valid["00-".len() + ids.len() + 2..]
        .chars()
        .next()
        .and_then(|digit| digit.to_digit(16))
        .is_some_and(|digit| digit % 2 == 1);
    format!("00-{ids}-0{}", u8::from(is_sampled))
}

/// Checks `version-traceid-parentid-flags`; versions after 00 may append fields (W3C Trace Context, 3.2).
fn is_valid(text: &str) -> bool {
    let fields: Vec<&str> = text.split('-').collect();
    let [version, trace_id, parent_id, flags, rest @ ..] = fields.as_slice() else {
        return false;
    };
    is_lower_hex(version, 2)
        && *version != "ff"
        && is_lower_hex(trace_id, 32)
        && trace_id.bytes().any(|digit| digit != b'0')
        && is_lower_hex(parent_id, 16)
        && parent_id.bytes().any(|digit| digit != b'0')
        && is_lower_hex(flags, 2)
        && (rest.is_empty() || *version != "00")
        && text.len() <= 255
}

fn is_lower_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::{in_our_version, is_valid, make};

    #[test]
    fn a_later_version_is_passed_on_as_ours() {
        let ids = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
        for (given, passed_on) in [
            ("00-{}-01", "00-{}-01"),
            ("cc-{}-01-what-comes", "00-{}-01"),
            ("cc-{}-fe", "00-{}-00"),
        ] {
            let (given, passed_on) = (given.replace("{}", ids), passed_on.replace("{}", ids));
            assert!(is_valid(&given));
            assert_eq!(in_our_version(&given), passed_on);
        }
    }

    #[test]
    fn a_valid_traceparent_is_recognised() {
        assert!(is_valid("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        assert!(is_valid(
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes"
        ));
    }

    #[test]
    fn a_traceparent_that_is_made_is_valid() {
        assert!(is_valid(&make()));
    }

    #[test]
    fn invalid_traceparents_are_told() {
        for text in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert!(!is_valid(text), "{text}");
        }
    }
}
