//! Every error is a problem, whoever found it.

use axum::http::StatusCode;
use serde::Deserialize;
use service::{FieldError, FormOrJsonDraft, JsonBody, Path, Problem, Query, Service};
use utoipa_axum::router::OpenApiRouter;

use crate::harness::{Served, problem, start};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    full_name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: u32,
}

async fn people() -> Served {
    let router = OpenApiRouter::new()
        .route(
            "/people",
            axum::routing::post(|JsonBody(person): JsonBody<Person>| async { person.full_name })
                .get(|Query(page): Query<Page>| async move { page.limit.to_string() }),
        )
        .route(
            "/forms",
            axum::routing::post(|FormOrJsonDraft(person): FormOrJsonDraft<Person>| async {
                person.whole().map(|person| person.full_name)
            }),
        )
        .route(
            "/people/{id}",
            axum::routing::get(|Path(id): Path<String>| async { id }),
        )
        .route("/panic", axum::routing::get(panics))
        .route(
            "/plain",
            axum::routing::get(|| async { (StatusCode::BAD_GATEWAY, "a secret of the upstream") }),
        )
        .route(
            "/refused",
            axum::routing::get(|| async { Problem::validation(vec![FieldError::new("/a", "A_BAD", "a is bad")]) }),
        );
    start(vec![Service {
        name: "people",
        answers_for: vec!["people"],
        router,
        checks: vec![],
        tasks: vec![],
    }])
    .await
}

async fn panics() -> &'static str {
    panic!("the details of a fault")
}

fn seen(status: u16, code: &str) -> (u16, String, Option<(String, String)>) {
    (status, code.to_owned(), None)
}

#[tokio::test]
async fn an_unknown_path_is_a_404_problem() {
    let served = people().await;
    for path in ["/nothing", "/people/1/2", "/people/", "/docs/nothing.js"] {
        assert_eq!(problem(served.get(path).await).await, seen(404, "NOT_FOUND"), "{path}");
    }
}

#[tokio::test]
async fn a_method_the_path_does_not_know_is_a_405_problem_that_lists_the_methods_of_all_services() {
    let other = OpenApiRouter::new().route("/people/{id}", axum::routing::delete(|| async {}));
    let one = OpenApiRouter::new().route("/people/{id}", axum::routing::get(|| async {}));
    let service = |name, router| Service {
        name,
        answers_for: vec![name],
        router,
        checks: vec![],
        tasks: vec![],
    };
    let served = start(vec![service("one", one), service("other", other)]).await;

    let response = served.request("PATCH", "/people/1").send().await.unwrap();
    let allow = response.headers()["allow"].to_str().unwrap().to_owned();
    assert_eq!(problem(response).await, seen(405, "METHOD_NOT_ALLOWED"));
    for method in ["GET", "DELETE"] {
        assert!(allow.contains(method), "{allow}");
    }
    for method in ["GET", "DELETE"] {
        assert_eq!(served.request(method, "/people/1").send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_body_of_another_content_type_is_a_415_problem_that_tells_what_is_accepted() {
    let served = people().await;
    let post = |content_type: &str| {
        served
            .request("POST", "/people")
            .header("content-type", content_type)
            .body(r#"{"full_name":"a"}"#)
    };
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        let response = post(content_type).send().await.unwrap();
        assert_eq!(response.headers()["accept"], "application/json");
        assert_eq!(
            problem(response).await,
            seen(415, "UNSUPPORTED_MEDIA_TYPE"),
            "{content_type}"
        );
    }
    let compressed = post("application/json")
        .header("content-encoding", "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(problem(compressed).await, seen(415, "UNSUPPORTED_MEDIA_TYPE"));
    let twice = post("application/json").header("content-type", "application/json");
    assert_eq!(
        problem(twice.send().await.unwrap()).await,
        seen(415, "UNSUPPORTED_MEDIA_TYPE")
    );
    let twice_encoded = post("application/json")
        .header("content-encoding", "identity")
        .header("content-encoding", "gzip");
    assert_eq!(
        problem(twice_encoded.send().await.unwrap()).await,
        seen(415, "UNSUPPORTED_MEDIA_TYPE")
    );
    let untold = served
        .request("POST", "/forms")
        .body("full_name=a")
        .send()
        .await
        .unwrap();
    assert_eq!(problem(untold).await, seen(415, "UNSUPPORTED_MEDIA_TYPE"));

    for content_type in [
        "application/json; charset=utf-8",
        "application/merge-patch+json",
        "Application/JSON",
    ] {
        assert_eq!(post(content_type).send().await.unwrap().status(), 200, "{content_type}");
    }
}

#[tokio::test]
async fn a_form_is_read_where_it_is_natural() {
    let served = people().await;
    let response = served
        .request("POST", "/forms")
        .form(&[("full_name", "Ünal & Co")])
        .send()
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "Ünal & Co");
    let response = served
        .request("POST", "/forms")
        .form(&[("name", "a")])
        .send()
        .await
        .unwrap();
    let expected = (
        422,
        "VALIDATION_FAILED".to_owned(),
        Some(("/name".to_owned(), "UNKNOWN_FIELD".to_owned())),
    );
    assert_eq!(problem(response).await, expected);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_a_413_problem_with_and_without_a_content_length() {
    let served = people().await;
    let json = |length: usize| {
        format!(
            r#"{{"full_name":"{}"}}"#,
            "x".repeat(length - r#"{"full_name":""}"#.len())
        )
    };
    let post = || {
        served
            .request("POST", "/people")
            .header("content-type", "application/json")
    };

    assert_eq!(
        post()
            .body(json(service::BODY_BYTES_MAX))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    for length in [service::BODY_BYTES_MAX + 1, 500_000] {
        assert_eq!(
            problem(post().body(json(length)).send().await.unwrap()).await,
            seen(413, "BODY_TOO_LARGE"),
            "{length}"
        );
        let chunked = chunked_post(&served, "/people", json(length).as_bytes()).await;
        assert!(
            chunked.starts_with("HTTP/1.1 413 ") && chunked.contains("BODY_TOO_LARGE"),
            "{chunked}"
        );
    }
}

/// Sends a body in chunks, without telling its length beforehand, and gives the whole answer.
async fn chunked_post(served: &Served, path: &str, body: &[u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = served.url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for chunk in body.chunks(8192) {
        stream
            .write_all(format!("{:x}\r\n", chunk.len()).as_bytes())
            .await
            .unwrap();
        stream.write_all(chunk).await.unwrap();
        stream.write_all(b"\r\n").await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_body_that_is_not_json_is_a_400_problem() {
    let served = people().await;
    let post = |body: &'static [u8]| {
        served
            .request("POST", "/people")
            .header("content-type", "application/json")
            .body(body)
    };
    assert_eq!(
        problem(post(b"{").send().await.unwrap()).await,
        seen(400, "MALFORMED_JSON")
    );
    assert_eq!(
        problem(post(b"").send().await.unwrap()).await,
        seen(400, "MALFORMED_JSON")
    );
    assert_eq!(
        problem(post(b"{\"full_name\":\"\xff\"}").send().await.unwrap()).await,
        seen(400, "INVALID_UTF8")
    );
}

#[tokio::test]
async fn wrong_parameters_are_400_problems() {
    let served = people().await;
    let expected = (
        400,
        "INVALID_QUERY".to_owned(),
        Some(("/limit".to_owned(), "INVALID_VALUE".to_owned())),
    );
    assert_eq!(problem(served.get("/people?limit=all").await).await, expected);
    let (status, code, field) = problem(served.get("/people/%FF").await).await;
    assert_eq!((status, code.as_str()), (400, "INVALID_PATH"));
    assert!(field.is_some_and(|(_, code)| code == "INVALID_UTF8"), "it is named");
}

#[tokio::test]
async fn field_errors_stand_in_the_body() {
    let served = people().await;
    let expected = (
        422,
        "VALIDATION_FAILED".to_owned(),
        Some(("/a".to_owned(), "A_BAD".to_owned())),
    );
    assert_eq!(problem(served.get("/refused").await).await, expected);
}

#[tokio::test]
async fn a_panic_is_a_500_problem_without_details_and_the_service_lives_on() {
    let served = people().await;
    let response = served.get("/panic").await;
    assert_eq!(response.status(), 500);
    let text = response.text().await.unwrap();
    assert!(
        text.contains("INTERNAL_ERROR") && !text.contains("details of a fault"),
        "{text}"
    );
    assert_eq!(problem(served.get("/panic").await).await, seen(500, "INTERNAL_ERROR"));
}

#[tokio::test]
async fn an_error_that_is_no_problem_becomes_one() {
    let served = people().await;
    assert_eq!(problem(served.get("/plain").await).await, seen(500, "INTERNAL_ERROR"));
}
