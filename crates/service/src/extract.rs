//! What a handler takes from a request; each failure is a problem that names the field.

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use serde::de::DeserializeOwned;

use crate::{Draft, FieldError, Problem, RawBody, decode};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A JSON object, decoded; an extractor.
///
/// Fails with 415 for another content type, 400 for text that is not JSON, 422 with a JSON pointer for a field that
/// is missing, doubled, of another type or (with `deny_unknown_fields` on `T`) unknown, and as [`RawBody`] does.
#[derive(Clone, Debug)]
pub struct JsonBody<T>(pub T);

/// A JSON object, decoded as far as it goes; an extractor that fails as [`JsonBody`] does, but for wrong fields: those are the
/// draft's.
#[derive(Clone, Debug)]
pub struct JsonDraft<T>(pub Draft<T>);

/// A JSON object or an HTML form, decoded as far as it goes; an extractor that fails as [`JsonDraft`] does.
#[derive(Clone, Debug)]
pub struct FormOrJsonDraft<T>(pub Draft<T>);

/// The path's parameters; an extractor that fails with 400 `INVALID_PATH`.
#[derive(Clone, Debug)]
pub struct Path<T>(pub T);

/// The query's parameters; an extractor that fails with 400 `INVALID_QUERY` and the parameter's name.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let JsonDraft(draft) = JsonDraft::from_request(request, state).await?;
        draft.whole().map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonDraft<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let media_type = media_type(request.headers());
        let RawBody(body) = RawBody::from_request(request, state).await?;
        match media_type {
            Some(MediaType::Json) => decode::json(&body).map(Self),
            _ => Err(unsupported(JSON)),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for FormOrJsonDraft<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let media_type = media_type(request.headers());
        let RawBody(body) = RawBody::from_request(request, state).await?;
        match media_type {
            Some(MediaType::Json) => decode::json(&body).map(Self),
            Some(MediaType::Form) => decode::form(&body).map(Self),
            None => Err(unsupported("application/json, application/x-www-form-urlencoded")),
        }
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(parameters)| Self(parameters))
            .map_err(|rejection| Problem::invalid_path(wrong_parameter(rejection).into_iter().collect()))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        decode::query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// Gives the values of a query's parameter, decoded, in the order in which they came.
pub fn query_values(uri: &Uri, name: &str) -> impl Iterator<Item = String> {
    let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    pairs
        .filter(move |(given, _)| given == name)
        .map(|(_, value)| value.into_owned())
}

/// The parameter that does not decode, by its name.
fn wrong_parameter(rejection: PathRejection) -> Option<FieldError> {
    let PathRejection::FailedToDeserializePathParams(failed) = rejection else {
        return None;
    };
    match failed.into_kind() {
        ErrorKind::InvalidUtf8InPathParam { key } => {
            let detail = "must be valid UTF-8 once it is percent-decoded";
            Some(FieldError::new(format!("/{key}"), "INVALID_UTF8", detail))
        }
        ErrorKind::ParseErrorAtKey { key, .. } => {
            let detail = "is not of the form it must have";
            Some(FieldError::new(format!("/{key}"), "INVALID_VALUE", detail))
        }
        _ => None,
    }
}

#[derive(Clone, Copy)]
enum MediaType {
    Json,
    Form,
}

/// What the body claims to be; `None` if that is nothing we read, an encoded (compressed) body among it, and one that claims
/// to be two things.
fn media_type(headers: &HeaderMap) -> Option<MediaType> {
    let is_encoded = |encoding: &HeaderValue| !encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().any(is_encoded) {
        return None;
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else {
        return None;
    };
    let essence = only.to_str().ok()?.split(';').next()?.trim().to_ascii_lowercase();
    match essence.as_str() {
        JSON => Some(MediaType::Json),
        FORM => Some(MediaType::Form),
        other => (other.starts_with("application/") && other.ends_with("+json")).then_some(MediaType::Json),
    }
}

fn unsupported(accepted: &'static str) -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "UNSUPPORTED_MEDIA_TYPE",
        format!(
            "the body must be sent as {}, told by one Content-Type, without a content encoding",
            accepted.replace(", ", " or ")
        ),
    )
    .with_header(ACCEPT, HeaderValue::from_static(accepted))
}
