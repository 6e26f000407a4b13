//! `If-Match`: a command that holds only for a certain state of its stream (RFC 9110, 13.1.1).

use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, StatusCode};
use domain::Sequence;
use event_store::IfMatch;
use service::{FieldError, Problem};

/// What a request says about the state its command is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing.
    None,
    /// Something the event store can check.
    IfMatch(IfMatch),
    /// An entity tag that no state of ours ever has: one that is weak, or not made by us.
    Never,
}

/// Reads the header: one entity tag, or `*`.
pub(crate) fn condition(headers: &HeaderMap) -> Result<Condition, Problem> {
    let mut values = headers.get_all(IF_MATCH).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(Condition::None),
        (Some(value), None) => value
            .to_str()
            .ok()
            .and_then(|text| parse(text.trim()))
            .ok_or_else(malformed),
        (Some(_), Some(_)) => Err(malformed()),
    }
}

/// The entity tag of a state: its sequence, in quotes.
pub(crate) fn entity_tag(sequence: Sequence) -> String {
    format!("\"{}\"", sequence.0)
}

fn parse(text: &str) -> Option<Condition> {
    if text == "*" {
        return Some(Condition::IfMatch(IfMatch::Exists));
    }
    let (weak, quoted) = text.strip_prefix("W/").map_or((false, text), |quoted| (true, quoted));
    let tag = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if !tag.bytes().all(|byte| byte == 0x21 || (0x23..=0x7e).contains(&byte)) {
        return None;
    }
    // A tag is compared as text: "05" is not "5", and a stream with events is never at "0".
    let sequence = tag
        .parse()
        .ok()
        .filter(|number: &i64| *number > 0 && number.to_string() == tag);
    Some(match sequence {
        Some(sequence) if !weak => Condition::IfMatch(IfMatch::Sequence(Sequence(sequence))),
        _ => Condition::Never,
    })
}

fn malformed() -> Problem {
    let detail = "must be one entity tag as an answer's ETag gives it, such as \"3\", or *";
    Problem::new(
        StatusCode::BAD_REQUEST,
        "INVALID_IF_MATCH",
        format!("If-Match {detail}"),
    )
    .with_error(FieldError::new("/If-Match", "INVALID_VALUE", detail))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::http::header::IF_MATCH;
    use domain::Sequence;
    use event_store::IfMatch;

    use super::{Condition, condition};

    fn read(values: &[&str]) -> Result<Condition, &'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_MATCH, value.parse().unwrap());
        }
        condition(&headers).map_err(|problem| problem.code())
    }

    #[test]
    fn an_entity_tag_of_ours_is_a_sequence() {
        assert_eq!(
            read(&["\"12\""]),
            Ok(Condition::IfMatch(IfMatch::Sequence(Sequence(12))))
        );
    }

    #[test]
    fn a_star_asks_for_existence() {
        assert_eq!(read(&["*"]), Ok(Condition::IfMatch(IfMatch::Exists)));
    }

    #[test]
    fn an_entity_tag_that_is_weak_or_foreign_never_matches() {
        for tag in [
            "W/\"12\"",
            "\"abc\"",
            "\"\"",
            "\"012\"",
            "\"+12\"",
            "\"-1\"",
            "\"0\"",
            "\"99999999999999999999\"",
        ] {
            assert_eq!(read(&[tag]), Ok(Condition::Never), "{tag}");
        }
    }

    #[test]
    fn what_is_no_entity_tag_is_malformed() {
        for text in ["", "12", "\"12", "12\"", "\"1\", \"2\"", "w/\"12\"", "\"a b\""] {
            assert_eq!(read(&[text]), Err("INVALID_IF_MATCH"), "{text}");
        }
        assert_eq!(read(&["\"1\"", "\"2\""]), Err("INVALID_IF_MATCH"));
    }

    #[test]
    fn without_the_header_there_is_no_condition() {
        assert_eq!(read(&[]), Ok(Condition::None));
    }
}
