//! What is the same for every request: its id, its trace, its metrics, its place in the documentation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use service::{RequestContext, Service};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::harness::{Served, problem, start};

/// Tell the context
#[utoipa::path(get, path = "/context/{id}", responses((status = 200, description = "The context.")))]
async fn context(context: RequestContext) -> String {
    format!(
        "{} {} {}",
        context.request_id,
        context.traceparent.unwrap_or_default(),
        context.principal
    )
}

/// Forget the context
#[utoipa::path(delete, path = "/context/{id}", responses((status = 204, description = "Forgotten.")))]
async fn forget() -> axum::http::StatusCode {
    axum::http::StatusCode::NO_CONTENT
}

async fn contexts() -> Served {
    let service = |name, router| Service {
        name,
        answers_for: vec![name],
        router,
        checks: vec![],
        tasks: vec![],
    };
    start(vec![
        service("reads", OpenApiRouter::new().routes(routes!(context))),
        service("writes", OpenApiRouter::new().routes(routes!(forget))),
    ])
    .await
}

#[tokio::test]
async fn a_request_id_is_taken_over_and_echoed() {
    let served = contexts().await;
    let response = served
        .request("GET", "/context/1")
        .header("request-id", "order-66")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["request-id"], "order-66");
    assert!(response.text().await.unwrap().starts_with("order-66 "));
}

#[tokio::test]
async fn a_request_id_is_made_when_there_is_none_that_can_be_used() {
    let served = contexts().await;
    for unusable in [None, Some("two words".to_owned()), Some("x".repeat(129))] {
        let request = served.request("GET", "/context/1");
        let request = unusable
            .iter()
            .fold(request, |request, id| request.header("request-id", id));
        let response = request.send().await.unwrap();
        let made = response.headers()["request-id"].to_str().unwrap().to_owned();
        assert_eq!(made.len(), 36, "{made}");
        assert!(response.text().await.unwrap().starts_with(&made));
    }
}

#[tokio::test]
async fn a_request_id_that_is_given_twice_is_replaced() {
    let served = contexts().await;
    let request = served.request("GET", "/context/1");
    let response = request
        .header("request-id", "a")
        .header("request-id", "a")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["request-id"].len(), 36);
}

#[tokio::test]
async fn an_answer_that_says_nothing_of_caches_may_not_be_kept() {
    let served = contexts().await;
    for (method, path, status) in [
        ("GET", "/context/1", 200),
        ("DELETE", "/context/1", 204),
        ("PATCH", "/context/1", 405),
        ("GET", "/context/1?a=b", 400),
        ("GET", "/nothing", 404),
        ("GET", "/docs/nothing.js", 404),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
    ] {
        let response = served.request(method, path).send().await.unwrap();
        assert_eq!(response.status(), status, "{method} {path}");
        let lines: Vec<_> = response.headers().get_all("cache-control").iter().collect();
        let directive = if path.starts_with("/docs") {
            "no-cache"
        } else {
            "no-store"
        };
        assert!(
            lines == ["no-store"] || lines == [directive],
            "{method} {path}: {lines:?}"
        );
    }
    for path in ["/openapi.json", "/docs/swagger-ui.css"] {
        assert_eq!(served.get(path).await.headers()["cache-control"], "no-cache", "{path}");
    }
}

#[tokio::test]
async fn a_parameter_that_is_not_documented_is_refused() {
    let served = contexts().await;
    for (method, query) in [("GET", "a=1"), ("GET", "=1"), ("DELETE", "id=1"), ("HEAD", "a")] {
        let response = served
            .request(method, &format!("/context/1?{query}"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 400, "{method} {query}");
    }
    for query in ["?", "?&", ""] {
        assert_eq!(served.get(&format!("/context/1{query}")).await.status(), 200, "{query}");
    }
}

/// Sends the head of a request as it is, and gives the whole answer.
async fn answer_to(served: &Served, head: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(served.url.trim_start_matches("http://"))
        .await
        .unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(crate::harness::PATIENCE, stream.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    answer
}

#[tokio::test]
async fn a_request_names_one_host() {
    let served = contexts().await;
    let request = |version: &str, hosts: &[&str]| {
        let hosts: String = hosts.iter().map(|host| format!("Host:{host}\r\n")).collect();
        format!("GET /context/1 HTTP/{version}\r\n{hosts}Connection: close\r\n\r\n")
    };
    for (version, hosts) in [
        ("1.1", &["localhost"][..]),
        ("1.1", &[" example.org:8080"]),
        ("1.1", &["[::1]:80"]),
        ("1.0", &[]),
        ("1.0", &["localhost"]),
    ] {
        let answer = answer_to(&served, &request(version, hosts)).await;
        assert!(
            answer["HTTP/1.1".len()..].starts_with(" 200 "),
            "{version} {hosts:?}: {answer}"
        );
    }
    for (version, hosts) in [
        ("1.1", &[][..]),
        ("1.1", &["a", "b"]),
        ("1.1", &["a", "a"]),
        ("1.0", &["a", "a"]),
        ("1.1", &[""]),
        ("1.1", &["a b"]),
        ("1.1", &["ada@a"]),
        ("1.1", &["a:b"]),
        ("1.1", &["a/b"]),
    ] {
        let answer = answer_to(&served, &request(version, hosts)).await;
        assert!(
            answer["HTTP/1.1".len()..].starts_with(" 400 "),
            "{version} {hosts:?}: {answer}"
        );
        assert!(
            answer.contains("INVALID_HOST") && answer.contains("request-id: "),
            "{version} {hosts:?}: {answer}"
        );
    }
    let absolute = "GET http://localhost/context/1 HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert!(
        answer_to(&served, absolute).await.contains("INVALID_HOST"),
        "the target does not replace it"
    );
}

#[tokio::test]
async fn a_valid_traceparent_is_taken_over_and_another_replaced() {
    let served = contexts().await;
    let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let context = async |traceparent: &str| {
        served
            .request("GET", "/context/1")
            .header("traceparent", traceparent)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    assert!(context(valid).await.ends_with(&format!("{valid} anonymous")));
    let replaced = context("not-a-trace").await;
    assert!(
        !replaced.contains("not-a-trace") && replaced.contains(" 00-"),
        "{replaced}"
    );
}

#[tokio::test]
async fn requests_are_counted_by_route_template() {
    let served = contexts().await;
    served.get("/context/77").await;
    served.get("/nowhere/at/all").await;
    let metrics = served.get("/metrics").await.text().await.unwrap();
    let counted = |route: &str, status: &str| {
        metrics.lines().any(|line| {
            line.starts_with("marquee_http_requests_total{")
                && [format!("route=\"{route}\""), format!("status=\"{status}\"")]
                    .iter()
                    .all(|label| line.contains(label))
        })
    };
    assert!(
        counted("/context/{id}", "200") && counted("unmatched", "404"),
        "{metrics}"
    );
    assert!(
        metrics.contains("marquee_http_request_duration_seconds_bucket{"),
        "{metrics}"
    );
    assert!(!metrics.contains("/context/77"), "{metrics}");
}

#[tokio::test]
async fn the_services_share_one_openapi_document() {
    let served = contexts().await;
    let document: Value = served.get("/openapi.json").await.json().await.unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    for (path, method) in [
        ("/context/{id}", "get"),
        ("/context/{id}", "delete"),
        ("/livez", "get"),
        ("/readyz", "get"),
        ("/metrics", "get"),
    ] {
        let operation = &document["paths"][path][method];
        assert_eq!(
            operation["responses"]["default"]["$ref"], "#/components/responses/Problem",
            "{method} {path}"
        );
        assert!(
            operation["parameters"]
                .to_string()
                .contains("#/components/parameters/Request-Id"),
            "{method} {path}"
        );
    }
    let groups = document["tags"].as_array().unwrap();
    assert!(
        groups
            .iter()
            .any(|tag| tag["name"] == "health" && tag["description"].is_string()),
        "{groups:?}"
    );
    assert!(
        groups.iter().all(|tag| tag["name"] != "cinemas"),
        "a group without an operation is not listed: {groups:?}"
    );
    let problem = &document["components"]["schemas"]["Problem"]["properties"];
    assert!(problem["request_id"].is_object() && document["components"]["schemas"]["FieldError"].is_object());
    assert_all_references_resolve(&document, &document);
}

fn assert_all_references_resolve(document: &Value, within: &Value) {
    match within {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                assert!(
                    document.pointer(reference.trim_start_matches('#')).is_some(),
                    "{reference}"
                );
            }
            fields
                .values()
                .for_each(|value| assert_all_references_resolve(document, value));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|value| assert_all_references_resolve(document, value)),
        _ => {}
    }
}

#[tokio::test]
async fn the_documentation_page_loads_nothing_from_elsewhere() {
    let served = contexts().await;
    let page = served.get("/docs").await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http"), "{page}");
    for asset in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
        let response = served.get(&format!("/docs/{asset}")).await;
        assert_eq!(response.status(), 200, "{asset}");
    }
    let initializer = served.get("/docs/swagger-initializer.js").await.text().await.unwrap();
    assert!(
        initializer.contains("/openapi.json") && initializer.contains(r#""validatorUrl": "none""#),
        "{initializer}"
    );
}

#[tokio::test]
async fn who_opens_the_address_in_a_browser_is_shown_the_documentation() {
    let served = contexts().await;
    let page = served.get("/").await;
    assert_eq!(page.status(), 200);
    assert_eq!(page.url().path().trim_end_matches('/'), "/docs");
}

#[tokio::test]
async fn every_answer_says_whose_it_is() {
    let served = start(vec![Service {
        name: "projections",
        answers_for: vec!["users", "movies"],
        router: OpenApiRouter::new(),
        checks: vec![],
        tasks: vec![],
    }])
    .await;
    for path in ["/livez", "/nothing", "/docs/nothing.js", "/openapi.json"] {
        assert_eq!(
            served.get(path).await.headers()["marquee-service"],
            "users, movies",
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_request_that_names_another_service_is_a_421_problem_and_reaches_no_handler() {
    let reached = Arc::new(AtomicBool::new(false));
    let handler = {
        let reached = Arc::clone(&reached);
        move || async move { reached.store(true, Ordering::SeqCst) }
    };
    let served = start(vec![Service {
        name: "projections",
        answers_for: vec!["users", "movies"],
        router: OpenApiRouter::new().route("/users/{id}", axum::routing::post(handler)),
        checks: vec![],
        tasks: vec![],
    }])
    .await;
    let ask = |method: &str, path: &str, named: &[&str]| {
        let request = served.request(method, path);
        named
            .iter()
            .fold(request, |request, name| request.header("Marquee-Service", *name))
    };

    for named in [
        &["catalog"][..],
        &["projections"],
        &[""],
        &["users", "catalog"],
        &["users, movies"],
    ] {
        for (method, path) in [("POST", "/users/1"), ("GET", "/nothing"), ("PATCH", "/users/1")] {
            let response = ask(method, path, named).send().await.unwrap();
            assert_eq!(response.headers()["marquee-service"], "users, movies");
            assert_eq!(response.headers()["retry-after"], "1");
            assert_eq!(problem(response).await.0, 421, "{method} {path} for {named:?}");
        }
    }
    assert!(!reached.load(Ordering::SeqCst));
    assert_eq!(ask("POST", "/users/1", &["movies"]).send().await.unwrap().status(), 200);
    assert_eq!(ask("POST", "/users/1", &[]).send().await.unwrap().status(), 200);
    assert!(reached.load(Ordering::SeqCst));
}
