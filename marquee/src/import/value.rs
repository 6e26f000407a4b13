//! Values as lists have them: texts, numbers, lists in one text, words for nothing.

use serde_json::Value;

/// The texts of a value: one, or those of a list. An object is taken by its code or its name; true and false tell nothing.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    const NAMES: [&str; 6] = ["iso_639_1", "iso_3166_1", "name", "title", "label", "value"];
    match value {
        Value::Null | Value::Bool(_) => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![whole(&number.to_string())],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(fields) => NAMES
            .iter()
            .find_map(|name| fields.get(*name))
            .map(texts)
            .unwrap_or_default(),
    }
}

/// A number that something has taken for a fraction: `1776.0` is 1776.
fn whole(number: &str) -> String {
    number.strip_suffix(".0").unwrap_or(number).to_owned()
}

/// The items of a list: as it is, as JSON in a text, or with the first of `|`, `;`, `,` that is in it between them,
/// and blanks.
pub(crate) fn items(value: &Value, separator: Option<char>) -> Vec<String> {
    let Value::String(text) = value else {
        return texts(value);
    };
    if text.trim_start().starts_with('[')
        && let Ok(list @ Value::Array(_)) = serde_json::from_str(text)
    {
        return texts(&list);
    }
    let separator = separator.or_else(|| ['|', ';', ','].into_iter().find(|one| text.contains(*one)));
    match separator {
        Some(separator) => text.split(separator).map(|item| item.trim().to_owned()).collect(),
        None => vec![text.clone()],
    }
}

/// Words for nothing.
pub(crate) fn is_no_value(text: &str) -> bool {
    matches!(
        text.to_ascii_lowercase().as_str(),
        "n/a"
            | "na"
            | "n.a."
            | "nan"
            | "null"
            | "none"
            | "nil"
            | "unknown"
            | "undefined"
            | "\\n"
            | "-"
            | "--"
            | "?"
            | "tba"
            | "tbd"
    )
}

/// Words for nothing that are no titles: there are movies called "Unknown" and "None".
pub(crate) fn is_no_title(text: &str) -> bool {
    matches!(text, "N/A" | "n/a" | "NA" | "NaN" | "nan" | "null" | "NULL" | "\\N")
}

/// Words for not rated.
pub(crate) fn is_unrated(text: &str) -> bool {
    matches!(
        text.to_ascii_lowercase().as_str(),
        "not rated" | "unrated" | "nr" | "not-rated" | "not yet rated"
    )
}

/// What stands behind a name with a comma before it.
pub(crate) fn is_name_suffix(text: &str) -> bool {
    matches!(
        text,
        "Jr." | "Jr" | "Sr." | "Sr" | "II" | "III" | "IV" | "M.D." | "Ph.D." | "Esq."
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{items, texts};

    #[test]
    fn a_value_is_read_as_texts_whatever_it_is() {
        assert_eq!(texts(&json!(1776)), ["1776"]);
        assert_eq!(texts(&json!(1776.0)), ["1776"]);
        assert_eq!(texts(&json!([null, true])), Vec::<String>::new());
        assert_eq!(texts(&json!([{"id": 18, "name": "Drama"}, "War"])), ["Drama", "War"]);
        assert_eq!(texts(&json!({"iso_3166_1": "US", "name": "United States"})), ["US"]);
        assert_eq!(texts(&json!({"id": 1})), Vec::<String>::new());
    }

    #[test]
    fn a_list_in_a_text_is_taken_apart() {
        let expected = ["Drama", "War"];
        for text in [
            "Drama|War",
            "Drama, War ",
            "Drama;War",
            "Drama,War",
            r#"["Drama","War"]"#,
            r#"[{"name":"Drama"},{"name":"War"}]"#,
        ] {
            assert_eq!(items(&json!(text), None), expected, "{text}");
        }
        assert_eq!(items(&json!("Drama/War"), Some('/')), expected);
        assert_eq!(items(&json!("Thriller/Suspense"), None), ["Thriller/Suspense"]);
        assert_eq!(items(&json!("[REC], War"), None), ["[REC]", "War"]);
    }
}
