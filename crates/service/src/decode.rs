//! From JSON, form or query text to a typed value, with every fault told at the field it is in.

mod draft;
mod faults;
mod node;
mod wording;

use std::collections::HashSet;

use axum::http::StatusCode;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_path_to_error::Segment;

use crate::{FieldError, Problem};
pub use draft::Draft;
use node::Node;
use wording::in_plain_words;

/// The longest text of the client's that is repeated to it.
const REPEATED_CHARS_MAX: usize = 200;
/// The deepest place that is pointed at; what is wrong below is told there.
const POINTER_SEGMENTS_MAX: usize = 16;

/// Decodes a JSON object, with all that is wrong if it is JSON of another shape than `T`. 400 if the text is not JSON, 422 if it
/// is no object.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<Draft<T>, Problem> {
    let text = str::from_utf8(body).map_err(|invalid| {
        let detail = format!(
            "the body is not valid UTF-8 from its byte {} on",
            invalid.valid_up_to() + 1
        );
        Problem::new(StatusCode::BAD_REQUEST, "INVALID_UTF8", detail)
    })?;
    // The whole text first: what is broken behind a wrong field would not be seen.
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| malformed_json(&error))?;
    if !text.trim_start().starts_with('{') {
        return Err(Problem::validation(vec![FieldError::new(
            "",
            "INVALID_TYPE",
            "the body must be a JSON object",
        )]));
    }
    let mut tree: Node =
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text)).map_err(|error| {
            let path: Vec<Segment> = error.path().iter().cloned().collect();
            let text = error.inner().to_string();
            let reason = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
            Problem::validation(vec![field_error(pointer(&path), reason)])
        })?;
    let mut faults = Vec::new();
    tree.take_duplicates("", &mut faults);
    Ok(faults::decode(tree, faults))
}

/// Decodes a form (`application/x-www-form-urlencoded`); every value is a string, and an empty one is none: a form in a
/// browser sends a field that was left empty.
pub(crate) fn form<T: DeserializeOwned>(body: &[u8]) -> Result<Draft<T>, Problem> {
    if let Some(error) = first_not_utf8(body) {
        let malformed = Problem::new(StatusCode::BAD_REQUEST, "MALFORMED_FORM", "the form is not valid UTF-8");
        return Err(malformed.with_error(error));
    }
    let (fields, faults) = words(body);
    let is_empty = |field: &Node| *field == Node::Word(String::new());
    let given = fields.iter().filter(|(_, field)| !is_empty(field)).cloned().collect();
    let named = fields.into_iter().map(|(name, field)| {
        // It is told when nobody knows it, or it was given twice, and is right otherwise.
        let field = if is_empty(&field) { Node::Anything } else { field };
        (name, field)
    });
    let named = faults::decode::<T>(Node::Object(named.collect()), faults).faults;
    let mut form = faults::decode(Node::Object(given), named);
    // Both look at what is not empty.
    let mut told = HashSet::new();
    form.faults.retain(|fault| told.insert(fault.pointer.clone()));
    Ok(form)
}

/// Decodes a query string. 400 with the name of each wrong parameter.
pub(crate) fn query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    if let Some(error) = first_not_utf8(query.as_bytes()) {
        return Err(Problem::invalid_query(vec![error]));
    }
    let (fields, faults) = words(query.as_bytes());
    let Draft { value, faults } = faults::decode(Node::Object(fields), faults);
    value
        .filter(|_| faults.is_empty())
        .ok_or_else(|| Problem::invalid_query(faults))
}

/// Tells which parameters of a query are not among the known ones, and which of these are given twice.
pub(crate) fn unknown_parameters(query: &str, known: &[String]) -> Vec<FieldError> {
    let (fields, mut faults) = words(query.as_bytes());
    let unknown = fields.iter().filter(|(name, _)| !known.contains(name));
    let names = known.join(", ");
    let detail = if known.is_empty() {
        "is not known here; nothing is".to_owned()
    } else {
        format!("is not known here; known are: {names}")
    };
    faults.extend(unknown.map(|(name, _)| FieldError::new(child("", name), "UNKNOWN_FIELD", detail.clone())));
    faults
}

/// The pairs of a form or a query, those given twice once, and told.
fn words(encoded: &[u8]) -> (Vec<(String, Node)>, Vec<FieldError>) {
    let pairs = url::form_urlencoded::parse(encoded);
    let pairs = pairs.map(|(name, value)| (name.into_owned(), Node::Word(value.into_owned())));
    let mut tree = Node::Object(pairs.collect());
    let mut faults = Vec::new();
    tree.take_duplicates("", &mut faults);
    match tree {
        Node::Object(fields) => (fields, faults),
        _ => (Vec::new(), faults),
    }
}

/// Serde tells the kind of a fault only by its message; these messages are part of its stable interface
/// (`serde::de::Error`), and the tests below hold them.
fn field_error(pointer: String, reason: &str) -> FieldError {
    let (pointer, code) = if let Some(field) = named(reason, "missing field") {
        (child(&pointer, &field), "REQUIRED")
    } else if reason.starts_with("unknown field") {
        (pointer, "UNKNOWN_FIELD")
    } else if reason.starts_with("invalid type") || reason.starts_with("invalid length") {
        (pointer, "INVALID_TYPE")
    } else {
        (pointer, "INVALID_VALUE")
    };
    FieldError::new(pointer, code, shortened(&in_plain_words(reason)))
}

/// The field that a reason with this beginning names.
fn named(reason: &str, beginning: &str) -> Option<String> {
    Some(reason.strip_prefix(beginning)?.split('`').nth(1)?.to_owned())
}

fn malformed_json(error: &serde_json::Error) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "MALFORMED_JSON",
        format!("the body is not valid JSON: {error}"),
    )
}

fn pointer(path: &[Segment]) -> String {
    let segments = path.iter().take(POINTER_SEGMENTS_MAX);
    segments.fold(String::new(), |pointer, segment| match segment {
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
mod tests;
