//! What an operator says with an action: a body that may be left out, and a reason that is fit to be kept.

use axum::body::HttpBody;
use axum::extract::{FromRequest, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use service::{FieldError, JsonBody, Problem};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

const LENGTH_MAX: usize = 500;

/// A JSON object, or the default when there is no body at all; an extractor that fails as [`JsonBody`] does.
#[derive(Clone, Debug)]
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        let JsonBody(body) = JsonBody::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// Why an operator acts, if that is said.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Why {
    #[serde(default)]
    #[schema(required = false, schema_with = document_optional)]
    pub(crate) reason: Option<String>,
}

impl Why {
    /// Checks the reason.
    ///
    /// # Errors
    /// 422 `VALIDATION_FAILED` that names the field.
    pub(crate) fn checked(self) -> Result<Option<String>, Problem> {
        let reason = self.reason.as_deref().map(parse).transpose();
        reason.map_err(|error| Problem::validation(vec![error]))
    }
}

/// Documents a reason that has to be given: some character that is seen, and none that controls.
pub(crate) fn document() -> Object {
    documented(Type::String.into())
}

/// Documents a reason that may be left out, or null.
pub(crate) fn document_optional() -> Object {
    documented(SchemaType::from_iter([Type::String, Type::Null]))
}

fn documented(kind: SchemaType) -> Object {
    ObjectBuilder::new()
        .schema_type(kind)
        .description(Some(
            "Why: 1 to 500 characters, without control characters and without personal data.",
        ))
        .max_length(Some(LENGTH_MAX))
        .pattern(Some(
            r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
        ))
        .examples(["waits for the repair of the log"])
        .build()
}

/// Checks a reason: 1 to 500 characters that can be shown in a line.
///
/// # Errors
/// What is wrong with the field `reason`.
pub(crate) fn parse(text: &str) -> Result<String, FieldError> {
    let reason = text.trim();
    let (code, detail) = if reason.is_empty() {
        ("REQUIRED", "must not be empty")
    } else if reason.chars().count() > LENGTH_MAX {
        ("TOO_LONG", "must be at most 500 characters")
    } else if reason.chars().any(char::is_control) {
        ("CONTROL_CHARACTER", "must not contain control characters")
    } else if !domain::shows_something(reason) {
        ("REQUIRED", "must have a character that can be seen")
    } else {
        return Ok(reason.to_owned());
    };
    Err(FieldError::new("/reason", code, detail))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_reason_is_some_text_in_one_line() {
        assert_eq!(parse(" test data ").expect("a reason"), "test data");
        assert!(parse(&"\u{e4}".repeat(500)).is_ok());
        for wrong in ["", "  ", "\u{200b}\u{ad}", "a\nb", "a\0b", &"a".repeat(501)] {
            assert_eq!(parse(wrong).unwrap_err().pointer, "/reason", "{wrong:?}");
        }
    }
}
