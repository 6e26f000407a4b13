//! A command's request: what comes along with every command, and the body of this one.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use domain::Metadata;
use event_store::{CommandRequest, Idempotency};
use service::{Problem, RawBody, RequestContext};
use uuid::Uuid;

use crate::conditional::condition;
use crate::execute::CommandApi;
use crate::idempotency::key;

/// A request with a body `B`; an extractor. A command without a body has [`RawBody`], and ignores it.
pub(crate) struct Incoming<B> {
    /// Metadata, condition and idempotency of the command; the answer to record is not known yet.
    pub(crate) request: CommandRequest,
    pub(crate) body: B,
}

impl<B> FromRequest<CommandApi> for Incoming<B>
where
    B: FromRequest<CommandApi, Rejection = Problem>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, api: &CommandApi) -> Result<Self, Self::Rejection> {
        let (mut parts, body) = request.into_parts();
        let Ok(context) = RequestContext::from_request_parts(&mut parts, api).await;
        let condition = condition(&parts.headers)?;
        let key = key(&parts.headers)?;
        // The hash needs the bytes the client sent, so the body is read before it is decoded.
        let RawBody(bytes) = RawBody::from_request(Request::new(body), api).await?;
        let idempotency = key.map(|key| Idempotency {
            principal: context.principal.clone(),
            key,
            request_hash: api.hasher.hash(&parts, &bytes),
            status: 0,
            location: None,
        });
        let body = B::from_request(Request::from_parts(parts, Body::from(bytes)), api).await?;
        Ok(Self {
            request: CommandRequest {
                metadata: metadata(context),
                condition,
                idempotency,
            },
            body,
        })
    }
}

fn metadata(context: RequestContext) -> Metadata {
    Metadata {
        correlation_id: Some(context.request_id),
        causation_id: Some(Uuid::now_v7().to_string()),
        principal: Some(context.principal),
        traceparent: context.traceparent,
    }
}
