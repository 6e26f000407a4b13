"""What Marquee promises beyond what any OpenAPI document does; loaded by schemathesis through SCHEMATHESIS_HOOKS."""

import json
import re

import schemathesis

# A request that is valid by the document may still be refused for what happened before it, told by these codes.
REFUSED_FOR_THE_STATE = {
    "CINEMA_CLOSED",
    "IDEMPOTENCY_KEY_REUSED",
    "INVALID_CURSOR",
    "MOVIE_WITHDRAWN",
    "POSITION_BEYOND_HEAD",
    "PRECONDITION_FAILED",
    "PREMIERE_HAS_PASSED",
    "USER_DELETED",
}
# Faults of a field that the document tells in words, for want of a schema that could: texts are trimmed before they are
# measured, dates have bounds and a calendar, countries and languages have registries, lists have nothing
# twice, of two fields one must be given.
TOLD_IN_WORDS = {
    "CONTROL_CHARACTER", "DUPLICATE_COUNTRY", "DUPLICATE_CREDIT", "DUPLICATE_EXTERNAL_ID", "DUPLICATE_GENRE",
    "DUPLICATE_LANGUAGE", "DUPLICATE_RATING", "INVALID_DATE", "INVALID_EMAIL", "INVALID_EXTERNAL_ID", "INVALID_GENRE",
    "INVALID_LANGUAGE", "INVALID_SCHEME", "OUT_OF_RANGE", "REQUIRED", "TOO_SHORT", "UNKNOWN_AGE_RATING", "UNKNOWN_COUNTRY",
    "UNKNOWN_TIME_ZONE",
}
# What any route may answer, whatever it does.
ANYWHERE = {405, 408, 500}


def code_of(response):
    if "problem+json" not in "".join(response.headers.get("content-type", [])):
        return None
    return json.loads(response.content).get("code")


@schemathesis.hook
def filter_case(context, case):
    """A header that nobody knows is no fault of a request."""
    return "x-schemathesis-unknown-property" not in (case.headers or {})


@schemathesis.check
def every_error_is_a_problem(ctx, response, case):
    """An error has the shape of all errors, and the id its header tells."""
    if response.status_code < 400 or (case.path == "/readyz" and response.status_code == 503):
        return
    types = response.headers.get("content-type", [])
    assert types == ["application/problem+json"], f"an error of the type {types}"
    problem = json.loads(response.content)
    assert problem["status"] == response.status_code, "status"
    assert [problem["request_id"]] == response.headers.get("request-id"), "request_id"
    assert re.fullmatch("[A-Z0-9]+(_[A-Z0-9]+)*", problem["code"]), "code"


@schemathesis.check
def every_status_is_listed(ctx, response, case):
    """`default` in the document is for who writes a client, and no excuse for a status that is not listed."""
    listed = case.operation.definition.raw.get("responses", {})
    status = response.status_code
    if case.method.upper() == case.operation.method.upper() and status not in ANYWHERE:
        assert str(status) in listed, f"{status} {code_of(response)} is not listed"


@schemathesis.check
def valid_requests_are_accepted(ctx, response, case):
    """As schemathesis' own check of that name, but it knows refusals for the state from refusals for the request."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or response.status_code not in (400, 410, 412, 422):
        return
    for parameter in case.operation.headers:
        # Headers of the examples are not always drawn from their pattern.
        pattern = parameter.definition.get("schema", {}).get("pattern")
        value = (case.headers or {}).get(parameter.name)
        if pattern and value is not None and not re.search(pattern, value):
            return
    code = code_of(response)
    faults = json.loads(response.content).get("errors", [])
    if faults and all(fault["code"] in TOLD_IN_WORDS for fault in faults):
        return
    assert code in REFUSED_FOR_THE_STATE, f"{code} of a request that is valid by the document"


@schemathesis.check
def to_come_again_is_told_when(ctx, response, case):
    """503 says when to try again."""
    waits_for_an_operator = code_of(response) == "READ_MODEL_PARKED"
    if response.status_code == 503 and case.path != "/readyz" and not waits_for_an_operator:
        assert response.headers.get("retry-after"), "503 without Retry-After"
