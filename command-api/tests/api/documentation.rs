//! The OpenAPI document lists every route and what all commands have in common.

use serde_json::{Value, json};

use crate::harness::Api;

const ROUTES: [(&str, &str); 15] = [
    ("post", "/users"),
    ("post", "/users/{id}"),
    ("post", "/users/{id}/roles"),
    ("delete", "/users/{id}/roles/{role}"),
    ("post", "/users/{id}/logins"),
    ("delete", "/users/{id}"),
    ("post", "/movies"),
    ("put", "/movies/{id}/details"),
    ("put", "/movies/{id}/premiere"),
    ("delete", "/movies/{id}"),
    ("post", "/cinemas"),
    ("put", "/cinemas/{id}/details"),
    ("put", "/cinemas/{id}/programme/{movie_id}"),
    ("delete", "/cinemas/{id}/programme/{movie_id}"),
    ("delete", "/cinemas/{id}"),
];

async fn document() -> Value {
    Api::start()
        .await
        .client
        .request("GET", "/openapi.json")
        .send()
        .await
        .body
}

#[tokio::test]
async fn it_lists_every_route_and_no_other() {
    let document = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut listed: Vec<(&str, &str)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .keys()
                .map(move |method| (method.as_str(), path.as_str()))
        })
        .filter(|(_, path)| !["/livez", "/readyz", "/metrics"].contains(path))
        .collect();
    let mut expected = [&ROUTES[..], &[("get", "/event-store")]].concat();
    listed.sort_unstable();
    expected.sort_unstable();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn every_command_tells_its_headers_its_answer_and_its_problems() {
    let document = document().await;
    for (method, path) in ROUTES {
        let operation = &document["paths"][path][method];
        let parameters = operation["parameters"].to_string();
        for name in ["If-Match", "If-None-Match", "Idempotency-Key", "traceparent"]
            .into_iter()
            .chain(path.contains("{id}").then_some("\"id\""))
        {
            assert!(parameters.contains(name), "{name} of {method} {path}");
        }
        let responses = &operation["responses"];
        let accepted = ["200", "201"]
            .map(|status| &responses[status])
            .into_iter()
            .find(|response| response.is_object());
        let accepted = accepted.unwrap_or_else(|| panic!("the answer of {method} {path}"));
        for header in ["ETag", "Event-Position", "Idempotency-Replayed", "Request-Id"] {
            assert!(accepted["headers"][header].is_object(), "{header} of {method} {path}");
        }
        let schema = resolved(&document, &accepted["content"]["application/json"]["schema"]).to_string();
        for field in ["\"sequence\"", "\"position\""] {
            assert!(schema.contains(field), "{field} of {method} {path}: {schema}");
        }
        for status in ["400", "404", "409", "410", "412", "413", "415", "422", "503", "default"] {
            assert!(responses[status].is_object(), "{status} of {method} {path}");
        }
        assert!(
            operation["summary"].is_string() && operation["operationId"].is_string(),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn answers_are_described_with_their_fields() {
    let document = document().await;
    let schema = &document["paths"]["/users"]["post"]["responses"]["201"]["content"]["application/json"]["schema"];
    let schema = resolved(&document, schema).to_string();
    assert!(
        schema.contains("full_name") || schema.contains("UserProfile"),
        "{schema}"
    );
}

#[tokio::test]
async fn the_examples_of_requests_are_accepted_as_often_as_they_are_sent() {
    let api = Api::start().await;
    let document = api.client.request("GET", "/openapi.json").send().await.body;
    for path in ["/users", "/movies", "/cinemas"] {
        let schema = &document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"];
        let example = &resolved(&document, schema)["example"];
        for _ in 0..2 {
            api.post(path).json(example).accepted().await;
        }
    }
}

#[tokio::test]
async fn the_example_of_a_problem_has_its_status_and_a_code_of_it() {
    let document = document().await;
    let responses = &document["paths"]["/users"]["post"]["responses"];
    for (status, code) in [
        (404, "USER_NOT_FOUND"),
        (412, "PRECONDITION_FAILED"),
        (413, "BODY_TOO_LARGE"),
    ] {
        let example = &responses[status.to_string()]["content"]["application/problem+json"]["example"];
        assert_eq!((&example["status"], &example["code"]), (&json!(status), &json!(code)));
    }
}

#[tokio::test]
async fn what_is_one_of_a_few_words_lists_them() {
    let document = document().await;
    let words = |pointer: &str| document.pointer(pointer).unwrap()["enum"].clone();
    assert_eq!(
        words("/components/schemas/NewRole/properties/role"),
        json!(["customer", "box_office", "manager", "operator", "admin"])
    );
    assert_eq!(
        words("/components/schemas/NewMovie/properties/age_rating"),
        json!(["all", "6", "12", "16", "18"])
    );
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let document = document().await;
    let text = document.to_string();
    for reference in text
        .split("\"$ref\":\"#")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
    {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    schema["$ref"].as_str().map_or(schema, |reference| {
        document.pointer(reference.trim_start_matches('#')).unwrap()
    })
}
