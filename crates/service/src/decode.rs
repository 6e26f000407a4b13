//! From JSON, form or query text to a typed value, with every fault told at the field it is in.

mod wording;

use axum::http::StatusCode;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::{FieldError, Problem};
use wording::{GIVEN_TWICE, in_plain_words};

/// The longest text of the client's that is repeated to it.
const REPEATED_CHARS_MAX: usize = 200;

/// Decodes a JSON object. 400 if the text is not JSON, 422 if it is JSON of another shape than `T`.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let text = str::from_utf8(body).map_err(|invalid| {
        let detail = format!(
            "the body is not valid UTF-8 from its byte {} on",
            invalid.valid_up_to() + 1
        );
        Problem::new(StatusCode::BAD_REQUEST, "INVALID_UTF8", detail)
    })?;
    // The whole text first: a typed decoder stops at the first wrong field and never sees what is broken behind it.
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| malformed_json(&error))?;
    if !text.trim_start().starts_with('{') {
        // A derived decoder would take an array for an object, its items for the fields in their order.
        return Err(Problem::validation(vec![FieldError::new(
            "",
            "INVALID_TYPE",
            "the body must be a JSON object",
        )]));
    }
    typed(&mut serde_json::Deserializer::from_str(text))
}

/// Decodes a form (`application/x-www-form-urlencoded`); every value is a string.
pub(crate) fn form<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if let Some(error) = first_not_utf8(body) {
        let malformed = Problem::new(StatusCode::BAD_REQUEST, "MALFORMED_FORM", "the form is not valid UTF-8");
        return Err(malformed.with_error(error));
    }
    let mut object = serde_json::Map::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        if object.contains_key(name.as_ref()) {
            return Err(Problem::validation(vec![FieldError::new(
                child("", &name),
                "DUPLICATE_FIELD",
                GIVEN_TWICE,
            )]));
        }
        object.insert(name.into_owned(), Value::String(value.into_owned()));
    }
    typed(Value::Object(object))
}

/// Decodes a query string. 400 with the parameter's name.
pub(crate) fn query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    if let Some(error) = first_not_utf8(query.as_bytes()) {
        return Err(Problem::invalid_query(vec![error]));
    }
    let pairs = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let pointer = pointer(error.path());
        Problem::invalid_query(vec![field_error(pointer, &error.into_inner().to_string())])
    })
}

fn typed<'de, T, D>(deserializer: D) -> Result<T, Problem>
where
    T: DeserializeOwned,
    D: serde::Deserializer<'de, Error = serde_json::Error>,
{
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let pointer = pointer(error.path());
        let text = error.into_inner().to_string();
        let reason = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
        Problem::validation(vec![field_error(pointer, reason)])
    })
}

/// Serde tells the kind of a fault only by its message; these messages are part of its stable interface
/// (`serde::de::Error`), and the tests below hold them.
fn field_error(pointer: String, reason: &str) -> FieldError {
    let named = |prefix: &str| Some(reason.strip_prefix(prefix)?.split('`').nth(1)?.to_owned());
    let (pointer, code) = if let Some(field) = named("missing field") {
        (child(&pointer, &field), "REQUIRED")
    } else if let Some(field) = named("duplicate field") {
        (child(&pointer, &field), "DUPLICATE_FIELD")
    } else if reason.starts_with("unknown field") {
        (pointer, "UNKNOWN_FIELD")
    } else if reason.starts_with("invalid type") || reason.starts_with("invalid length") {
        (pointer, "INVALID_TYPE")
    } else {
        (pointer, "INVALID_VALUE")
    };
    FieldError::new(pointer, code, shortened(&in_plain_words(reason)))
}

fn malformed_json(error: &serde_json::Error) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "MALFORMED_JSON",
        format!("the body is not valid JSON: {error}"),
    )
}

fn pointer(path: &Path) -> String {
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => child(&pointer, &index.to_string()),
        Segment::Map { key } => child(&pointer, key),
        Segment::Enum { .. } | Segment::Unknown => pointer,
    })
}

/// Appends a reference token, escaped as RFC 6901 tells. A name with a blank or an `@` is no field's but a person's, put in
/// the wrong place: the pointer ends before it.
fn child(pointer: &str, token: &str) -> String {
    if token.contains(|one: char| one == '@' || one.is_whitespace()) {
        return pointer.to_owned();
    }
    format!("{pointer}/{}", shortened(token).replace('~', "~0").replace('/', "~1"))
}

fn shortened(text: &str) -> String {
    text.chars().take(REPEATED_CHARS_MAX).collect()
}

/// Finds the first pair of a query or form whose name or value is not UTF-8.
fn first_not_utf8(encoded: &[u8]) -> Option<FieldError> {
    let pair = encoded
        .split(|byte| *byte == b'&')
        .find(|pair| !decodes_to_utf8(pair))?;
    let name = url::form_urlencoded::parse(pair)
        .next()
        .map(|(name, _)| name.into_owned());
    let pointer = child("", &name.unwrap_or_default());
    Some(FieldError::new(
        pointer,
        "INVALID_UTF8",
        "must be valid UTF-8 once it is percent-decoded",
    ))
}

/// Tells whether percent-encoded text stands for valid UTF-8; the decoder itself would replace what is not.
fn decodes_to_utf8(encoded: &[u8]) -> bool {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&byte, behind)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| behind.split_at_checked(2)).flatten();
        let value = escaped.and_then(|(digits, _)| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        decoded.push(value.unwrap_or(byte));
        rest = match (value, escaped) {
            (Some(_), Some((_, behind_digits))) => behind_digits,
            _ => behind,
        };
    }
    String::from_utf8(decoded).is_ok()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::{FieldError, Problem, form, json, query};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Person {
        full_name: String,
        #[serde(default)]
        email: Option<String>,
        #[serde(default)]
        ages: Vec<u8>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Page {
        #[serde(default)]
        limit: Option<u32>,
    }

    fn fault<T: std::fmt::Debug>(result: Result<T, Problem>) -> (u16, &'static str, Option<(String, &'static str)>) {
        let problem = result.unwrap_err();
        let field = problem
            .errors
            .first()
            .map(|FieldError { pointer, code, .. }| (pointer.clone(), *code));
        (problem.status().as_u16(), problem.code(), field)
    }

    fn at(pointer: &str, code: &'static str) -> (u16, &'static str, Option<(String, &'static str)>) {
        (422, "VALIDATION_FAILED", Some((pointer.to_owned(), code)))
    }

    #[test]
    fn what_is_wrong_with_json_is_told_at_its_field() {
        let table = [
            (r#"{"full_name":"a","nickname":"b"}"#, at("/nickname", "UNKNOWN_FIELD")),
            (r#"{"full_name":"a","a/b~c":"b"}"#, at("/a~1b~0c", "UNKNOWN_FIELD")),
            (r#"{"full_name":"a","ada@b.c":"b"}"#, at("", "UNKNOWN_FIELD")),
            (r#"{"full_name":"a","Ada Lovelace":"b"}"#, at("", "UNKNOWN_FIELD")),
            (r#"{"full_name":7}"#, at("/full_name", "INVALID_TYPE")),
            (r#"{"full_name":null}"#, at("/full_name", "INVALID_TYPE")),
            (r#"{"email":"a@b.c"}"#, at("/full_name", "REQUIRED")),
            (
                r#"{"full_name":"a","full_name":"b"}"#,
                at("/full_name", "DUPLICATE_FIELD"),
            ),
            (r#"{"full_name":"a","ages":[1,"x"]}"#, at("/ages/1", "INVALID_TYPE")),
            (r#"{"full_name":"a","ages":[300]}"#, at("/ages/0", "INVALID_VALUE")),
            (r#"{"full_name":"\ud800"}"#, at("/full_name", "INVALID_VALUE")),
            (r#"["usama"]"#, at("", "INVALID_TYPE")),
            (r#""usama""#, at("", "INVALID_TYPE")),
        ];
        for (body, expected) in table {
            assert_eq!(fault(json::<Person>(body.as_bytes())), expected, "{body}");
        }
    }

    #[test]
    fn text_that_is_not_json_is_malformed_wherever_it_breaks() {
        for body in [
            "",
            "{",
            r#"{"full_name":7,"#,
            r#"{"full_name":"a"} x"#,
            "{full_name:1}",
            "nul",
        ] {
            assert_eq!(
                fault(json::<Person>(body.as_bytes())),
                (400, "MALFORMED_JSON", None),
                "{body}"
            );
        }
        assert_eq!(
            fault(json::<Person>(&"[".repeat(60_000).into_bytes())),
            (400, "MALFORMED_JSON", None)
        );
    }

    #[test]
    fn invalid_utf8_is_told() {
        assert_eq!(
            fault(json::<Person>(b"{\"full_name\":\"\xff\"}")),
            (400, "INVALID_UTF8", None)
        );
        let field = |pointer: &str| Some((pointer.to_owned(), "INVALID_UTF8"));
        for body in [&b"full_name=%ff"[..], b"email=a&full_name=\xff"] {
            assert_eq!(
                fault(form::<Person>(body)),
                (400, "MALFORMED_FORM", field("/full_name"))
            );
        }
        assert_eq!(
            fault(query::<Page>("limit=%ff")),
            (400, "INVALID_QUERY", field("/limit"))
        );
    }

    #[test]
    fn what_is_wrong_with_a_form_is_told_at_its_field() {
        assert_eq!(
            fault(form::<Person>(b"full_name=a&nickname=b")),
            at("/nickname", "UNKNOWN_FIELD")
        );
        assert_eq!(
            fault(form::<Person>(b"full_name=a&full_name=b")),
            at("/full_name", "DUPLICATE_FIELD")
        );
        assert_eq!(fault(form::<Person>(b"")), at("/full_name", "REQUIRED"));
    }

    #[test]
    fn a_form_is_decoded() {
        let person: Person = form("full_name=Usama+%C3%A4%25&email=a%40b.c".as_bytes()).unwrap();
        assert_eq!(person.full_name, "Usama ä%");
        assert_eq!(person.email.as_deref(), Some("a@b.c"));
        assert_eq!(person.ages, Vec::<u8>::new());
    }

    #[test]
    fn what_is_wrong_with_a_query_is_told_by_the_parameters_name() {
        let invalid = |pointer: &str, code| (400, "INVALID_QUERY", Some((pointer.to_owned(), code)));
        assert_eq!(fault(query::<Page>("limit=many")), invalid("/limit", "INVALID_VALUE"));
        assert_eq!(fault(query::<Page>("page=2")), invalid("/page", "UNKNOWN_FIELD"));
        assert_eq!(query::<Page>("limit=5").unwrap().limit, Some(5));
    }

    #[test]
    fn what_is_repeated_to_the_client_is_short() {
        let body = format!(r#"{{"full_name":"a","{}":1}}"#, "x".repeat(50_000));
        let problem = json::<Person>(body.as_bytes()).unwrap_err();
        assert!(problem.errors[0].pointer.len() < 300 && problem.errors[0].detail.len() < 300);
    }
}
