//! One OpenAPI 3.1 document of all services, and the page to browse it.

use axum::Router;
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Schema};
use utoipa::openapi::{Components, ContentBuilder, InfoBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::problem::{PROBLEM_JSON, ProblemBody};

const DESCRIPTION: &str = "Commands are posted, queries are read. An accepted command answers with the `position` of its last event; \
a query with `Min-Position` of that value sees the command's effect. Every error is `application/problem+json`.";

const REQUEST_ID: &str = "Request-Id";
const PROBLEM: &str = "Problem";

/// Adds what is the same for every operation, so that a handler documents only what is its own: the request id in and
/// out, and the problem every operation may answer with.
pub(crate) fn finish(mut document: OpenApi) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("Marquee")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .build();
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        finish_operation(operation);
    }
    add_components(document.components.get_or_insert_default());
    document
}

/// The routes `/docs` and `/openapi.json`. The page and all it loads come from this process.
pub(crate) fn router(document: OpenApi) -> Router {
    // The validator is a badge that the page would fetch from a server on the internet.
    SwaggerUi::new("/docs")
        .config(Config::default().validator_url("none"))
        .url("/openapi.json", document)
        .into()
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut path.get,
        &mut path.put,
        &mut path.post,
        &mut path.delete,
        &mut path.patch,
        &mut path.head,
        &mut path.options,
    ]
    .into_iter()
    .filter_map(Option::as_mut)
}

fn finish_operation(operation: &mut Operation) {
    operation
        .parameters
        .get_or_insert_default()
        .push(RefOr::Ref(Ref::new(format!("#/components/parameters/{REQUEST_ID}"))));
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            response
                .headers
                .insert(REQUEST_ID.to_owned(), request_id_header().into());
        }
    }
    operation
        .responses
        .responses
        .entry("default".to_owned())
        .or_insert_with(|| RefOr::Ref(Ref::from_response_name(PROBLEM)));
}

fn add_components(components: &mut Components) {
    let mut schemas = vec![(ProblemBody::name().into_owned(), ProblemBody::schema())];
    ProblemBody::schemas(&mut schemas);
    components.schemas.extend(schemas);

    let parameter = ParameterBuilder::new()
        .name(REQUEST_ID)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "The request's id, 1 to 128 visible ASCII characters; made if it is left out.",
        ))
        .schema(Some(text()))
        .build();
    components.parameters.insert(REQUEST_ID.to_owned(), parameter.into());

    let problem = ResponseBuilder::new()
        .description("The request was not fulfilled; `code` tells why.")
        .header(REQUEST_ID, request_id_header())
        .content(
            PROBLEM_JSON,
            ContentBuilder::new()
                .schema(Some(Ref::from_schema_name(PROBLEM)))
                .build(),
        )
        .build();
    components.responses.insert(PROBLEM.to_owned(), problem.into());
}

fn request_id_header() -> utoipa::openapi::Header {
    HeaderBuilder::new()
        .schema(Some(text()))
        .description(Some("The request's id."))
        .build()
}

fn text() -> Schema {
    ObjectBuilder::new()
        .schema_type(utoipa::openapi::Type::String)
        .build()
        .into()
}
