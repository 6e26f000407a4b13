//! What the documentation of every command has in common: its headers, in and out, and its problems.

use service::problem_response;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{OpenApi, RefOr, Required};

/// `*`, or entity tags with commas between them.
const ENTITY_TAGS: &str = r#"^(\*|(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*)$"#;

/// Name, the pattern of a value that is not refused if there is one, and what it is for.
const REQUEST_HEADERS: [(&str, Option<&str>, &str); 4] = [
    (
        "If-Match",
        Some(ENTITY_TAGS),
        "Makes the command conditional: the ETag of the state it is meant for, such as \"3-1f0c93ab\" with its quotes, several of them, or * for any that exists.",
    ),
    (
        "If-None-Match",
        Some(ENTITY_TAGS),
        "Makes the command conditional: * if it is meant only for what does not exist yet, or the ETags of states it is not meant for.",
    ),
    (
        "Idempotency-Key",
        Some("^[!-~]{1,255}$"),
        "Makes the request safe to repeat: 1 to 255 visible ASCII characters, another one for each request; remembered for days.",
    ),
    (
        "traceparent",
        None,
        "W3C Trace Context; goes along with the command's events. Another one is made if it is not valid.",
    ),
];

const RESPONSE_HEADERS: [(&str, Type, &str); 4] = [
    (
        "ETag",
        Type::String,
        "The state of the resource, opaque, in quotes; for If-Match.",
    ),
    (
        "Event-Position",
        Type::Integer,
        "The position of the resource's last event in the log; a query's Min-Position.",
    ),
    (
        "Idempotency-Replayed",
        Type::Boolean,
        "Sent, with true, when the answer is that of an earlier request with this key.",
    ),
    ("Location", Type::String, "Sent with 201: where the resource is."),
];

const PROBLEMS: [(&str, &str); 9] = [
    (
        "400",
        "The request cannot be understood: MALFORMED_JSON, MALFORMED_FORM, INVALID_UTF8, BODY_BROKEN_OFF, INVALID_PATH, INVALID_QUERY, INVALID_HOST, INVALID_IF_MATCH, INVALID_IF_NONE_MATCH, INVALID_IDEMPOTENCY_KEY.",
    ),
    (
        "404",
        "USER_NOT_FOUND, MOVIE_NOT_FOUND, CINEMA_NOT_FOUND: there has never been one with this id.",
    ),
    (
        "409",
        "USER_ALREADY_EXISTS, MOVIE_ALREADY_EXISTS, CINEMA_ALREADY_EXISTS; MOVIE_WITHDRAWN of a movie for a programme, PROGRAMME_FULL; CONFLICT if others kept changing it.",
    ),
    (
        "410",
        "USER_DELETED, MOVIE_WITHDRAWN, CINEMA_CLOSED: it has ended for ever.",
    ),
    (
        "412",
        "PRECONDITION_FAILED: If-Match or If-None-Match does not hold, of a command that would be accepted otherwise.",
    ),
    ("413", "BODY_TOO_LARGE: more than 64 KiB."),
    ("415", "UNSUPPORTED_MEDIA_TYPE."),
    (
        "422",
        "VALIDATION_FAILED with an entry in errors per wrong field, or IDEMPOTENCY_KEY_REUSED.",
    ),
    (
        "503",
        "WRITER_BUSY, EVENT_STORE_UNAVAILABLE, LOG_DIVERGED, or OUTCOME_UNKNOWN; Retry-After tells when to try again.",
    ),
];

/// Adds to every operation what all commands have in common.
pub(crate) fn finish(document: &mut OpenApi) {
    for operation in document.paths.paths.values_mut().flat_map(commands) {
        operation
            .parameters
            .get_or_insert_default()
            .extend(REQUEST_HEADERS.map(|header| parameter(header).into()));
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response {
                let sent = RESPONSE_HEADERS
                    .iter()
                    .filter(|(name, ..)| *name != "Location" || status == "201");
                response
                    .headers
                    .extend(sent.map(|header| (header.0.to_owned(), response_header(header).into())));
            }
        }
        for (status, description) in PROBLEMS {
            let responses = &mut operation.responses.responses;
            responses.insert(status.to_owned(), problem_response(description).into());
        }
    }
}

/// The commands of a path; it may have a query too.
fn commands(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.post, &mut path.put, &mut path.delete]
        .into_iter()
        .filter_map(Option::as_mut)
}

fn parameter((name, pattern, description): (&str, Option<&str>, &str)) -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(pattern);
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(text.build()))
        .build()
}

fn response_header((_, kind, description): &(&str, Type, &str)) -> Header {
    let schema = ObjectBuilder::new().schema_type(kind.clone()).build();
    HeaderBuilder::new()
        .schema(Some(schema))
        .description(Some(*description))
        .build()
}
