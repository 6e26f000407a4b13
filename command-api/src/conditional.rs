//! `If-Match`: a command that holds only for a certain state of its stream (RFC 9110, 13.1.1).

use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, StatusCode};
use domain::Sequence;
use event_store::IfMatch;
use service::{FieldError, Problem};

/// What no state is at: an entity tag that is weak, or not made by us, is never that of the present state. It is left to
/// the store to find so, as a request that is wrong in another way, too, must hear of that (RFC 9110, 13.2.1).
const NO_STATE: IfMatch = IfMatch::Sequence(Sequence(-1));

/// Reads the header: one entity tag, or `*`; `None` without it.
pub(crate) fn condition(headers: &HeaderMap) -> Result<Option<IfMatch>, Problem> {
    let mut values = headers.get_all(IF_MATCH).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value
            .to_str()
            .ok()
            .and_then(|text| parse(text.trim()))
            .map(Some)
            .ok_or_else(malformed),
        (Some(_), Some(_)) => Err(malformed()),
    }
}

/// The entity tag of a state: its sequence, in quotes.
pub(crate) fn entity_tag(sequence: Sequence) -> String {
    format!("\"{}\"", sequence.0)
}

fn parse(text: &str) -> Option<IfMatch> {
    if text == "*" {
        return Some(IfMatch::Exists);
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
        Some(sequence) if !weak => IfMatch::Sequence(Sequence(sequence)),
        _ => NO_STATE,
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

    use super::{NO_STATE, condition};

    fn read(values: &[&str]) -> Result<Option<IfMatch>, &'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_MATCH, value.parse().unwrap());
        }
        condition(&headers).map_err(|problem| problem.code())
    }

    #[test]
    fn an_entity_tag_of_ours_is_a_sequence() {
        assert_eq!(read(&["\"12\""]), Ok(Some(IfMatch::Sequence(Sequence(12)))));
    }

    #[test]
    fn a_star_asks_for_existence() {
        assert_eq!(read(&["*"]), Ok(Some(IfMatch::Exists)));
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
            assert_eq!(read(&[tag]), Ok(Some(NO_STATE)), "{tag}");
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
        assert_eq!(read(&[]), Ok(None));
    }
}
