//! What is the same for every request: its id, its trace, its metrics, its place in the documentation.

use serde_json::Value;
use service::{RequestContext, Service};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::harness::{Served, start};

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
