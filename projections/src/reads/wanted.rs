//! What a reader asks for besides the data: a position to wait for, how long, and what it has already.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use domain::Position;
use service::{FieldError, Problem};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type};

const HEADER_MIN_POSITION: &str = "min-position";
/// How the header is written in answers.
const POINTER_HEADER: &str = "/Min-Position";
const POINTER_PARAMETER: &str = "/min_position";
const PARAMETER_MIN_POSITION: &str = "min_position";
const HEADER_PREFER: &str = "prefer";
const WAIT_DEFAULT: Duration = Duration::from_secs(2);
const WAIT_MAX: Duration = Duration::from_secs(10);

/// What a reader asks for besides the data. An axum extractor; a route that takes it and reads other query parameters
/// must accept `min_position` among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadWanted {
    /// The answer must include everything up to this position.
    pub min_position: Option<Position>,
    /// How long the read model may take to get there; at most ten seconds.
    pub wait: Duration,
    /// The entity tags the reader has, as it sent them.
    pub if_none_match: Option<String>,
}

impl Default for ReadWanted {
    fn default() -> Self {
        Self {
            min_position: None,
            wait: WAIT_DEFAULT,
            if_none_match: None,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for ReadWanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Ok(Self {
            min_position: min_position(parts)?,
            wait: preferred_wait(&parts.headers).unwrap_or(WAIT_DEFAULT),
            if_none_match: joined(&parts.headers, &header::IF_NONE_MATCH),
        })
    }
}

/// The header, or the query parameter; when both are given the later position is waited for. Neither may be given twice.
fn min_position(parts: &Parts) -> Result<Option<Position>, Problem> {
    let headers = parts.headers.get_all(HEADER_MIN_POSITION).iter();
    let from_headers = headers.map(|value| value.to_str().unwrap_or_default().to_owned());
    let from_query = service::query_values(&parts.uri, PARAMETER_MIN_POSITION);
    Ok(position(POINTER_HEADER, from_headers)?.max(position(POINTER_PARAMETER, from_query)?))
}

fn position(pointer: &str, mut given: impl Iterator<Item = String>) -> Result<Option<Position>, Problem> {
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(text), None) => parse_position(pointer, &text).map(Some),
        (Some(_), Some(_)) => Err(invalid_position(pointer, "must be given only once")),
    }
}

fn parse_position(pointer: &str, text: &str) -> Result<Position, Problem> {
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse().ok());
    number
        .map(Position)
        .ok_or_else(|| invalid_position(pointer, "must be a whole number, not negative"))
}

fn invalid_position(pointer: &str, detail: &str) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "INVALID_POSITION",
        "Min-Position is the position that a command was answered with: a whole number, not negative, given once",
    )
    .with_error(FieldError::new(pointer, "INVALID_VALUE", detail))
}

/// Joins the lines of a header that is a list, as if it had come in one; lines that are not ASCII are no tags of ours.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<&str> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// `Prefer: wait=N` of RFC 7240, the first one if there are several. A preference that cannot be read is ignored, as the
/// standard demands. At most ten seconds.
pub(crate) fn preferred_wait(headers: &HeaderMap) -> Option<Duration> {
    headers
        .get_all(HEADER_PREFER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .filter_map(|preference| preference.trim().split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))
        .and_then(|(_, seconds)| seconds.trim().trim_matches('"').parse().ok())
        .map(|seconds| Duration::from_secs(seconds).min(WAIT_MAX))
}

impl IntoParams for ReadWanted {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let number = || {
            let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
            Some(
                ObjectBuilder::new()
                    .schema_type(Type::Integer)
                    .format(Some(format))
                    .minimum(Some(0))
                    .build(),
            )
        };
        let text = || Some(ObjectBuilder::new().schema_type(Type::String).build());
        let parameter = |name: &str, place, description: &str, schema: Option<Object>| {
            ParameterBuilder::new()
                .name(name)
                .parameter_in(place)
                .description(Some(description))
                .schema(schema)
                .build()
        };
        let position = "The answer includes everything up to this position";
        let wait = "`wait=N`: how many seconds to wait for the position (default 2, at most 10)";
        let etags = "Entity tags of answers held: 304 when nothing changed";
        vec![
            parameter("Min-Position", ParameterIn::Header, position, number()),
            parameter(PARAMETER_MIN_POSITION, ParameterIn::Query, position, number()),
            parameter("Prefer", ParameterIn::Header, wait, text()),
            parameter("If-None-Match", ParameterIn::Header, etags, text()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::extract::FromRequestParts;
    use axum::http::Request;
    use domain::Position;

    use super::ReadWanted;

    async fn wanted(uri: &str, headers: &[(&str, &str)]) -> Option<ReadWanted> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).expect("a valid request").into_parts();
        ReadWanted::from_request_parts(&mut parts, &()).await.ok()
    }

    #[tokio::test]
    async fn nothing_said_means_no_position_and_two_seconds() {
        assert_eq!(wanted("/users", &[]).await, Some(ReadWanted::default()));
    }

    #[tokio::test]
    async fn the_position_comes_from_the_header_or_the_query() {
        for (uri, headers) in [
            ("/users", vec![("Min-Position", "7")]),
            ("/users?q=a&min_position=7", vec![]),
            ("/users?min%5Fposition=%37", vec![]),
            ("/users?min_position=5", vec![("Min-Position", "7")]),
        ] {
            assert_eq!(
                wanted(uri, &headers).await.expect("valid").min_position,
                Some(Position(7))
            );
        }
    }

    #[tokio::test]
    async fn a_position_that_is_none_is_refused() {
        for uri in [
            "/users?min_position=",
            "/users?min_position=-1",
            "/users?min_position=x",
            "/users?min_position=%2B7",
            "/users?min_position=99999999999999999999",
        ] {
            assert_eq!(wanted(uri, &[]).await, None, "{uri}");
        }
    }

    #[tokio::test]
    async fn a_position_that_is_given_twice_is_refused_whatever_it_says() {
        for second in ["7", "8", "x", ""] {
            let twice = [("Min-Position", "7"), ("Min-Position", second)];
            assert_eq!(wanted("/users", &twice).await, None, "{second}");
            let uri = format!("/users?min_position=7&min_position={second}");
            assert_eq!(wanted(&uri, &[]).await, None, "{uri}");
        }
    }

    #[tokio::test]
    async fn entity_tags_may_come_in_several_lines() {
        let lines = [("If-None-Match", "\"1\""), ("If-None-Match", "\"2\"")];
        let tags = wanted("/users", &lines).await.expect("valid").if_none_match;
        assert_eq!(tags.as_deref(), Some("\"1\", \"2\""));
    }

    #[tokio::test]
    async fn the_wait_is_bounded_and_an_unreadable_one_ignored() {
        for (prefer, seconds) in [
            ("wait=5", 5),
            ("respond-async, wait=0", 0),
            ("wait=3600", 10),
            ("wait=soon", 2),
            ("wait=4, wait=5", 4),
            ("wait=soon, wait=5", 2),
        ] {
            let wanted = wanted("/users", &[("Prefer", prefer)]).await.expect("valid");
            assert_eq!(wanted.wait, Duration::from_secs(seconds), "{prefer}");
        }
    }
}
