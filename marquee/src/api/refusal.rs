//! A request that a service refused, or that something before it refused.

use std::fmt;

use reqwest::StatusCode;
use serde::Deserialize;

/// How much of an answer that is no problem+json is repeated.
const FOREIGN_CHARACTERS_MAX: usize = 200;

/// What was refused and why.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Method and url.
    request: String,
    pub(crate) status: StatusCode,
    /// Stable; none when it was no service of Marquee that answered.
    pub(crate) code: Option<String>,
    /// One sentence for a person.
    pub(crate) detail: String,
    request_id: Option<String>,
    /// Where to look instead.
    pub(crate) location: Option<String>,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
    #[serde(default)]
    detail: String,
    request_id: Option<String>,
    #[serde(default)]
    errors: Vec<FieldError>,
}

#[derive(Deserialize)]
struct FieldError {
    pointer: String,
    detail: String,
}

impl Refusal {
    /// Reads what an answer says; `request` is its method and url.
    pub(crate) fn of(request: String, status: StatusCode, location: Option<String>, body: &[u8]) -> Self {
        match serde_json::from_slice::<Problem>(body) {
            Ok(problem) => Self {
                detail: problem.text(),
                request,
                status,
                code: Some(problem.code),
                request_id: problem.request_id,
                location,
            },
            Err(_) => Self {
                request,
                status,
                code: None,
                detail: foreign(body),
                request_id: None,
                location,
            },
        }
    }
}

impl Problem {
    /// The sentence, and what is wrong with which field.
    fn text(&self) -> String {
        let fields: Vec<String> = self
            .errors
            .iter()
            .map(|error| format!("{} {}", error.pointer.trim_start_matches('/'), error.detail))
            .collect();
        if fields.is_empty() {
            self.detail.clone()
        } else {
            format!("{}: {}", self.detail, fields.join("; "))
        }
    }
}

/// The beginning of an answer of something else, such as a proxy; nothing of a page.
fn foreign(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next().unwrap_or_default().trim();
    if line.starts_with('<') || line.starts_with('{') {
        return String::new();
    }
    line.chars()
        .filter(|one| !one.is_control())
        .take(FOREIGN_CHARACTERS_MAX)
        .collect()
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(code) = &self.code else {
            write!(formatter, "{} was answered {}", self.request, self.status)?;
            if !self.detail.is_empty() {
                write!(formatter, ": {}", self.detail)?;
            }
            return formatter.write_str(", not by a service of Marquee");
        };
        write!(formatter, "{} ({code}, HTTP {}", self.detail, self.status.as_u16())?;
        if let Some(request_id) = &self.request_id {
            write!(formatter, ", request {request_id}")?;
        }
        formatter.write_str(")")
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::Refusal;

    fn text(status: StatusCode, body: &str) -> String {
        Refusal::of("GET http://x/relay".to_owned(), status, None, body.as_bytes()).to_string()
    }

    #[test]
    fn a_problem_is_told_with_its_code_its_fields_and_the_request() {
        let body = r#"{"code": "VALIDATION_FAILED", "detail": "wrong fields", "request_id": "r1", "type": "urn:x",
            "errors": [{"pointer": "/reason", "code": "TOO_LONG", "detail": "is too long"}]}"#;
        assert_eq!(
            text(StatusCode::UNPROCESSABLE_ENTITY, body),
            "wrong fields: reason is too long (VALIDATION_FAILED, HTTP 422, request r1)"
        );
    }

    #[test]
    fn an_answer_of_something_else_is_told_as_such() {
        assert_eq!(
            text(StatusCode::BAD_GATEWAY, "<html><h1>502</h1>"),
            "GET http://x/relay was answered 502 Bad Gateway, not by a service of Marquee"
        );
        assert_eq!(
            text(StatusCode::NOT_FOUND, "no such page\nmore"),
            "GET http://x/relay was answered 404 Not Found: no such page, not by a service of Marquee"
        );
    }
}
