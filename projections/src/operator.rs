//! Who acts on a projection: told by the request, recorded with the action, not checked.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use service::{FieldError, Problem, operations, problem_response};
use utoipa::IntoParams;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

/// Request header: who acts.
pub(crate) const HEADER_OPERATOR: &str = "marquee-operator";
const ANONYMOUS: &str = "anonymous";
const LENGTH_MAX: usize = 64;

/// The name in the header `Marquee-Operator`, else `anonymous`; an extractor that fails with 400 `INVALID_OPERATOR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operator(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let mut values = parts.headers.get_all(HEADER_OPERATOR).iter();
        let (Some(value), second) = (values.next(), values.next()) else {
            return Ok(Self(ANONYMOUS.to_owned()));
        };
        let bytes = value.as_bytes();
        let printable = bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
        if second.is_some() || !printable || !(1..=LENGTH_MAX).contains(&bytes.len()) {
            let detail = format!("must be given once, with 1 to {LENGTH_MAX} printable ASCII characters");
            let problem = Problem::new(
                StatusCode::BAD_REQUEST,
                "INVALID_OPERATOR",
                format!("Marquee-Operator {detail}"),
            );
            return Err(problem.with_error(FieldError::new("/Marquee-Operator", "INVALID_VALUE", detail)));
        }
        Ok(Self(String::from_utf8_lossy(bytes).into_owned()))
    }
}

impl IntoParams for Operator {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(format!("^[ -~]{{1,{LENGTH_MAX}}}$")));
        let parameter = ParameterBuilder::new()
            .name("Marquee-Operator")
            .parameter_in(ParameterIn::Header)
            .description(Some(
                "Who acts: 1 to 64 printable ASCII characters, recorded with the action; `anonymous` when it is not told.",
            ))
            .schema(Some(schema.build()));
        vec![parameter.build()]
    }
}

/// Adds to the routes of operators the problems that all of them have in common, where a route has none of that status of
/// its own.
pub(crate) fn document_refusals(document: &mut OpenApi) {
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        let mut common = vec![
            (
                "400",
                "`INVALID_PATH`, `INVALID_QUERY`, `INVALID_CURSOR`, `INVALID_OPERATOR`, `MALFORMED_JSON`, `INVALID_UTF8`, \
                 `BODY_BROKEN_OFF`: the request has to be another one.",
            ),
            (
                "503",
                "`READ_MODEL_UNAVAILABLE`, `READ_MODEL_BUSY`, `EVENT_STORE_UNAVAILABLE`: ask again after `Retry-After` seconds.",
            ),
        ];
        if operation.request_body.is_some() {
            common.extend([
                ("413", "`BODY_TOO_LARGE`: more than 64 KiB."),
                ("415", "`UNSUPPORTED_MEDIA_TYPE`."),
                ("422", "`VALIDATION_FAILED` with an entry in errors per wrong field."),
            ]);
        }
        for (status, description) in common {
            let responses = &mut operation.responses.responses;
            responses
                .entry(status.to_owned())
                .or_insert_with(|| problem_response(description).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::FromRequestParts;
    use axum::http::Request;

    use super::{HEADER_OPERATOR, Operator};

    async fn operator(headers: &[&str]) -> Result<Operator, &'static str> {
        let mut request = Request::builder();
        for header in headers {
            request = request.header(HEADER_OPERATOR, *header);
        }
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        let operator = Operator::from_request_parts(&mut parts, &()).await;
        operator.map_err(|problem| problem.code())
    }

    #[tokio::test]
    async fn who_acts_is_told_by_the_header() {
        assert_eq!(operator(&["ada l."]).await, Ok(Operator("ada l.".to_owned())));
        assert_eq!(operator(&[]).await, Ok(Operator("anonymous".to_owned())));
    }

    #[tokio::test]
    async fn a_name_that_is_no_name_is_refused() {
        for wrong in ["", "ad\u{e4}", &"a".repeat(65)] {
            assert_eq!(operator(&[wrong]).await, Err("INVALID_OPERATOR"), "{wrong}");
        }
        assert_eq!(operator(&["ada", "ada"]).await, Err("INVALID_OPERATOR"));
    }
}
