//! `If-Match` and `If-None-Match`: a command that holds only for certain states of its stream (RFC 9110, 13.1.1 and 13.1.2).

use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use event_store::{Condition, StateTag, States};
use service::{FieldError, Problem};

/// How a header's entity tags are compared with that of the present state (RFC 9110, 8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// A weak tag is never that of the present state.
    Strong,
    /// Whether a tag is weak does not matter.
    Weak,
}

/// Reads both headers: each `*`, or entity tags with commas between them, in one line or in several.
pub(crate) fn condition(headers: &HeaderMap) -> Result<Condition, Problem> {
    let read = |name: HeaderName, shown, code, comparison| {
        let Some(list) = joined(headers, &name) else {
            return Ok(None);
        };
        parse(&list, comparison).map(Some).ok_or_else(|| malformed(shown, code))
    };
    Ok(Condition {
        if_match: read(IF_MATCH, "If-Match", "INVALID_IF_MATCH", Comparison::Strong)?,
        if_none_match: read(
            IF_NONE_MATCH,
            "If-None-Match",
            "INVALID_IF_NONE_MATCH",
            Comparison::Weak,
        )?,
    })
}

/// Joins the lines of a list as if it had come in one (RFC 9110, 5.3); `None` without any.
pub(crate) fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(|value| value.as_bytes()).collect();
    (!lines.is_empty()).then(|| lines.join(&b", "[..]))
}

/// The entity tag of a state, which is opaque to clients: its sequence and its log, in quotes.
pub(crate) fn entity_tag(state: StateTag) -> String {
    format!("\"{state}\"")
}

fn parse(list: &[u8], comparison: Comparison) -> Option<States> {
    if list.trim_ascii() == b"*" {
        return Some(States::Any);
    }
    let mut states = Vec::new();
    let mut tags = 0;
    let mut rest = list.trim_ascii_start();
    loop {
        // A list may have empty items (RFC 9110, 5.6.1.2).
        while let Some(behind) = rest.strip_prefix(b",") {
            rest = behind.trim_ascii_start();
        }
        if rest.is_empty() {
            return (tags > 0).then_some(States::OneOf(states));
        }
        let (is_weak, tag, behind) = next_tag(rest)?;
        tags += 1;
        // A tag that is not made by us is never that of the present state.
        states.extend(state(tag).filter(|_| !is_weak || comparison == Comparison::Weak));
        rest = behind.trim_ascii_start();
        if !rest.is_empty() && !rest.starts_with(b",") {
            return None;
        }
    }
}

/// Reads an entity tag at the beginning: whether it is weak, what stands in its quotes, and what follows.
fn next_tag(text: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let (is_weak, quoted) = text.strip_prefix(b"W/").map_or((false, text), |quoted| (true, quoted));
    let opened = quoted.strip_prefix(b"\"")?;
    let end = opened.iter().position(|byte| *byte == b'"')?;
    let (tag, closed) = opened.split_at(end);
    let is_tag = tag.iter().all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..=0xff));
    is_tag.then_some((is_weak, tag, &closed[1..]))
}

/// Reads a tag of ours.
fn state(tag: &[u8]) -> Option<StateTag> {
    StateTag::parse(str::from_utf8(tag).ok()?)
}

fn malformed(header: &str, code: &'static str) -> Problem {
    let detail =
        "must be entity tags as an answer's ETag gives them, such as \"3-1f0c93ab\", with commas between them, or *";
    Problem::new(StatusCode::BAD_REQUEST, code, format!("{header} {detail}")).with_error(FieldError::new(
        format!("/{header}"),
        "INVALID_VALUE",
        detail,
    ))
}

#[cfg(test)]
mod tests {
    use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
    use axum::http::{HeaderMap, HeaderValue};
    use event_store::{Condition, StateTag, States};

    use super::condition;

    fn read(name: &HeaderName, values: &[&[u8]]) -> Result<Option<States>, &'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        let condition = condition(&headers).map_err(|problem| problem.code())?;
        Ok(if *name == IF_MATCH {
            condition.if_match
        } else {
            condition.if_none_match
        })
    }

    fn one_of(sequences: &[i64]) -> Result<Option<States>, &'static str> {
        let tag = |sequence| StateTag::parse(&format!("{sequence}-1f0c93ab")).expect("a tag");
        Ok(Some(States::OneOf(sequences.iter().map(tag).collect())))
    }

    #[test]
    fn an_entity_tag_of_ours_is_a_state() {
        for name in [IF_MATCH, IF_NONE_MATCH] {
            assert_eq!(read(&name, &[b"\"12-1f0c93ab\""]), one_of(&[12]));
            assert_eq!(read(&name, &[b" \"12-1f0c93ab\" "]), one_of(&[12]));
        }
    }

    #[test]
    fn several_entity_tags_may_come_in_one_line_or_in_several() {
        for name in [IF_MATCH, IF_NONE_MATCH] {
            for lines in [
                vec![&b"\"1-1f0c93ab\",\"2-1f0c93ab\" , \"a,b\""[..]],
                vec![b"\"1-1f0c93ab\"", b"\"2-1f0c93ab\""],
                vec![b", \"1-1f0c93ab\",, \"2-1f0c93ab\" ,", b""],
            ] {
                assert_eq!(read(&name, &lines), one_of(&[1, 2]), "{lines:?}");
            }
        }
    }

    #[test]
    fn a_star_is_any_state() {
        for name in [IF_MATCH, IF_NONE_MATCH] {
            assert_eq!(read(&name, &[b"*"]), Ok(Some(States::Any)));
        }
    }

    #[test]
    fn an_entity_tag_that_is_foreign_is_that_of_no_state() {
        for tag in [
            &b"\"abc\""[..],
            b"\"\"",
            b"\"12\"",
            b"\"012-1f0c93ab\"",
            b"\"+12\"",
            b"\"-1\"",
            b"\"0\"",
            b"\"99999999999999999999\"",
            b"\"\xe4\"",
            b"W/\"abc\"",
        ] {
            assert_eq!(read(&IF_MATCH, &[tag]), one_of(&[]), "{tag:?}");
            assert_eq!(read(&IF_NONE_MATCH, &[tag]), one_of(&[]), "{tag:?}");
        }
    }

    #[test]
    fn a_weak_entity_tag_is_enough_to_differ_and_not_to_match() {
        assert_eq!(read(&IF_MATCH, &[b"W/\"12-1f0c93ab\""]), one_of(&[]));
        assert_eq!(read(&IF_NONE_MATCH, &[b"W/\"12-1f0c93ab\""]), one_of(&[12]));
    }

    #[test]
    fn what_is_no_entity_tag_is_malformed() {
        for text in [
            "",
            ",",
            "12",
            "\"12",
            "12\"",
            "w/\"12\"",
            "\"a b\"",
            "\"1\" \"2\"",
            "\"1\", *",
            "**",
            "\"1\";x",
        ] {
            assert_eq!(read(&IF_MATCH, &[text.as_bytes()]), Err("INVALID_IF_MATCH"), "{text}");
            assert_eq!(
                read(&IF_NONE_MATCH, &[text.as_bytes()]),
                Err("INVALID_IF_NONE_MATCH"),
                "{text}"
            );
        }
        assert_eq!(read(&IF_MATCH, &[b"*", b"*"]), Err("INVALID_IF_MATCH"));
    }

    #[test]
    fn without_the_headers_there_is_no_condition() {
        assert_eq!(
            condition(&HeaderMap::new()).map_err(|problem| problem.code()),
            Ok(Condition::default())
        );
    }
}
