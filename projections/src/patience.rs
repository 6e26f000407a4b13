//! How long an operator waits until every consumer has taken what was changed.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::reads::wanted::preferred_wait;

/// Longer than a consumer takes to connect; less than clients wait.
const DEFAULT: Duration = Duration::from_secs(10);

/// `Prefer: wait=N` in seconds, at most 10, which is the default too; an extractor that never fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience(pub(crate) Duration);

impl<S: Sync> FromRequestParts<S> for Patience {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(preferred_wait(&parts.headers).unwrap_or(DEFAULT)))
    }
}

impl IntoParams for Patience {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        let parameter = ParameterBuilder::new()
            .name("Prefer")
            .parameter_in(ParameterIn::Header)
            .description(Some(
                "`wait=N`: how many seconds to wait until every consumer has taken it (default 10, which is the most)",
            ))
            .schema(Some(text));
        vec![parameter.build()]
    }
}
