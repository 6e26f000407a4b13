//! What serde says to a programmer of Rust, said to whoever wrote the request.

/// Of a field that stands in the request more than once.
pub(super) const GIVEN_TWICE: &str = "must be given only once";

/// Rewrites serde's reason for refusing a value. What it does not know stays as it is.
pub(super) fn in_plain_words(reason: &str) -> String {
    let known = |fields: &str| fields.replace('`', "").replace("one of ", "").replace(" or ", ", ");
    if reason.starts_with("missing field") {
        "must be given".to_owned()
    } else if reason.starts_with("unknown field") {
        match reason.rsplit_once("`, expected ") {
            Some((_, fields)) => format!("is not known here; known are: {}", known(fields)),
            None => "is not known here; nothing is".to_owned(),
        }
    } else if reason.ends_with("hex escape") {
        "has an escape such as \\ud800 that stands for no character".to_owned()
    } else if reason.starts_with("recursion limit") {
        "must not be nested so deeply".to_owned()
    } else if reason == "number out of range" {
        "must be a number that is not so large".to_owned()
    } else if let Some((given, expected)) = mismatch(reason, "invalid type: ") {
        match kind_given(given) {
            Some(given) => format!("must be {}, not {given}", kind_expected(expected)),
            None => format!("must be {}", kind_expected(expected)),
        }
    } else if let Some((_, expected)) = mismatch(reason, "invalid value: ") {
        format!("must be {} within its range", kind_expected(expected))
    } else {
        reason.to_owned()
    }
}

fn mismatch<'a>(reason: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    reason.strip_prefix(prefix)?.rsplit_once(", expected ")
}

fn kind_expected(expected: &str) -> &str {
    match expected {
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        other if other.starts_with("struct ") || other == "a map" => "an object",
        other => other,
    }
}

/// The kind of the value that was sent; `None` where it would not help: a number is no whole one.
fn kind_given(given: &str) -> Option<&'static str> {
    match given.split([' ', '`']).next()? {
        "integer" => Some("a number"),
        "string" => Some("a string"),
        "boolean" => Some("true or false"),
        "null" | "unit" => Some("null"),
        "sequence" => Some("a list"),
        "map" => Some("an object"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use crate::decode::{Draft, json};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the failure to decode it matters")]
    struct Person {
        full_name: String,
        #[serde(default)]
        email: Option<String>,
        #[serde(default)]
        ages: Vec<u8>,
    }

    #[test]
    fn a_fault_is_told_in_words_that_need_no_rust() {
        let table = [
            (r#"{"full_name":7}"#, "must be a string, not a number"),
            (r#"{"full_name":[]}"#, "must be a string, not a list"),
            (r#"{"full_name":null}"#, "must be a string, not null"),
            (r#"{"full_name":"a","ages":"b"}"#, "must be a list, not a string"),
            (
                r#"{"full_name":"a","ages":["1"]}"#,
                "must be a whole number, not a string",
            ),
            (r#"{"full_name":"a","ages":[1.5]}"#, "must be a whole number"),
            (
                r#"{"full_name":"a","ages":[300]}"#,
                "must be a whole number within its range",
            ),
            (r#"{"email":"a"}"#, "must be given"),
            (r#"{"full_name":"a","full_name":"b"}"#, "must be given only once"),
            (
                r#"{"full_name":"a","ages":[1e300]}"#,
                "must be a whole number within its range",
            ),
            (r#"{"full_name":{"a":1}}"#, "must be a string, not an object"),
            (
                r#"{"nickname":"b"}"#,
                "is not known here; known are: full_name, email, ages",
            ),
            (
                r#"{"full_name":"\ud800"}"#,
                r"has an escape such as \ud800 that stands for no character",
            ),
        ];
        for (body, expected) in table {
            let problem = json::<Person>(body.as_bytes()).and_then(Draft::whole).unwrap_err();
            assert_eq!(problem.errors[0].detail, expected, "{body}");
        }
    }
}
