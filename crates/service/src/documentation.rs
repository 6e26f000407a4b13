//! One OpenAPI 3.1 document of all services, and the page to browse it.

use axum::Router;
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::tag::{Tag, TagBuilder};
use utoipa::openapi::{
    Components, Content, ContentBuilder, InfoBuilder, License, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder,
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::problem::{PROBLEM_JSON, ProblemBody};

/// The first thing a reader of the page sees: what every client needs to know once.
const DESCRIPTION: &str = "\
Marquee keeps what happens to users, movies and cinemas as events. **Commands** (`POST`, `PUT`, `DELETE`) add events; \
**queries** (`GET`) answer from read models, which follow the events within moments.

- **Read your writes.** An accepted command answers with a `position` (also in `Event-Position`). A query with that \
value as `Min-Position`, or `?min_position=`, waits until its read model is there: two seconds, or as long as \
`Prefer: wait=N` says, up to ten. After that it is 503 `READ_MODEL_BEHIND`.
- **Change only what you have seen.** Send the `ETag` of an answer as `If-Match` with a command: it is 412 \
`PRECONDITION_FAILED` if the resource has changed since. A command with `If-None-Match: *` is meant only for what does not \
exist yet. A query with the `ETag` as `If-None-Match` is 304 if nothing has changed.
- **Repeat without fear.** A command with an `Idempotency-Key` is carried out once, however often it is sent: the answer \
to a repetition has `Idempotency-Replayed: true`.
- **Lists** come in pages: pass `next_cursor` as `cursor` until it is null, with the other parameters unchanged.
- **Errors** are `application/problem+json`. Programs go by `code`; `errors` points to the wrong fields; `request_id` \
finds the request in the logs. 404 is what is not there, 410 what has ended for ever: deleted, withdrawn, closed.
";

/// The groups of operations in the order in which a newcomer meets them.
const TAGS: [(&str, &str); 7] = [
    ("users", "Who buys, sells and runs things, and in which roles."),
    ("movies", "What is shown, and from which day on."),
    ("cinemas", "Where it is shown, and each cinema's programme."),
    ("catalog", "What a city's cinemas show, and which of it is new."),
    (
        "projections",
        "How far the read models are, and what operators do to them.",
    ),
    ("log", "Where the log ends, and how far it is published."),
    ("health", "What the process says about itself."),
];

const REQUEST_ID: &str = "Request-Id";
const PROBLEM: &str = "Problem";

/// Adds what is the same for every operation, so that a handler documents only what is its own: the request id in and
/// out, and the problem every operation may answer with.
pub(crate) fn finish(mut document: OpenApi) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("Marquee")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(License::new("MIT OR Apache-2.0")))
        .build();
    document.tags = Some(tags_of(&document));
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        finish_operation(operation);
    }
    add_components(document.components.get_or_insert_default());
    document
}

/// The groups that have an operation; a process serves all of them or only some.
fn tags_of(document: &OpenApi) -> Vec<Tag> {
    let mut items = document.paths.paths.values().cloned().collect::<Vec<PathItem>>();
    let used: Vec<String> = items
        .iter_mut()
        .flat_map(operations)
        .flat_map(|operation| operation.tags.clone().unwrap_or_default())
        .collect();
    TAGS.iter()
        .filter(|(name, _)| used.iter().any(|tag| tag == name))
        .map(|(name, description)| TagBuilder::new().name(*name).description(Some(*description)).build())
        .collect()
}

/// Documents a text that is one of a closed set, for a reader to choose from.
pub fn one_of(description: &str, values: impl IntoIterator<Item = &'static str>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(values))
        .build()
}

/// The routes `/docs` and `/openapi.json`. The page and all it loads come from this process.
pub(crate) fn router(document: OpenApi) -> Router {
    // The validator is a badge that the page would fetch from a server on the internet.
    SwaggerUi::new("/docs")
        .config(Config::default().validator_url("none"))
        .url("/openapi.json", document)
        .into()
}

/// Documents a problem by which an operation may be refused.
pub fn problem_response(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(PROBLEM)));
    ResponseBuilder::new()
        .description(description)
        .content(PROBLEM_JSON, content.build())
        .build()
}

/// The operations of a path, whatever their methods.
pub fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
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
    let parameters = operation.parameters.get_or_insert_default();
    parameters.iter_mut().for_each(describe);
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        body.content.values_mut().for_each(refuse_null);
    }
    parameters.push(RefOr::Ref(Ref::new(format!("#/components/parameters/{REQUEST_ID}"))));
    let responses = &mut operation.responses.responses;
    responses
        .entry("400".to_owned())
        .or_insert_with(|| problem_response("INVALID_QUERY, INVALID_HOST: the request has to be another one.").into());
    for (status, response) in responses {
        if let RefOr::T(response) = response {
            response
                .headers
                .insert(REQUEST_ID.to_owned(), request_id_header().into());
            exemplify(status, response);
        }
    }
    operation
        .responses
        .responses
        .entry("default".to_owned())
        .or_insert_with(|| RefOr::Ref(Ref::from_response_name(PROBLEM)));
}

/// What may be left out is not thereby `null`, as which utoipa describes a body of an `Option`.
fn refuse_null(content: &mut RefOr<Content>) {
    if let RefOr::T(content) = content
        && let Some(RefOr::T(Schema::OneOf(choice))) = &mut content.schema
    {
        choice.items.retain(
            |item| !matches!(item, RefOr::T(Schema::Object(object)) if object.schema_type == Type::Null.into()),
        );
        if let [only] = choice.items.as_slice() {
            content.schema = Some(only.clone());
        }
    }
}

/// A parameter that is documented by [`one_of`] has its description there, where no page shows it.
fn describe(parameter: &mut RefOr<Parameter>) {
    if let RefOr::T(parameter) = parameter
        && parameter.description.is_none()
        && let Some(RefOr::T(Schema::Object(schema))) = &parameter.schema
    {
        parameter.description.clone_from(&schema.description);
    }
}

/// Shows a problem of the response's own status: with the first code that its description names.
///
/// That of `VALIDATION_FAILED` is the example of the schema itself.
fn exemplify(status: &str, response: &mut Response) {
    let mut words = response
        .description
        .split(|c: char| !c.is_ascii_uppercase() && c != '_');
    let code = words.find(|word| word.contains('_') && *word != "VALIDATION_FAILED");
    let content = response.content.get_mut(PROBLEM_JSON);
    if let (Ok(status), Some(code), Some(RefOr::T(content))) = (status.parse(), code, content)
        && status != 422
    {
        content.example = Some(ProblemBody::example(status, code));
    }
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

    let mut problem = problem_response("The request was not fulfilled; `code` tells why.");
    problem
        .headers
        .insert(REQUEST_ID.to_owned(), request_id_header().into());
    components.responses.insert(PROBLEM.to_owned(), problem.into());
}

fn request_id_header() -> utoipa::openapi::Header {
    HeaderBuilder::new()
        .schema(Some(text()))
        .description(Some("The request's id."))
        .build()
}

fn text() -> Schema {
    ObjectBuilder::new().schema_type(Type::String).build().into()
}
