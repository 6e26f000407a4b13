//! What the process says about itself.

use serde_json::{Value, json};
use service::{Check, Service};
use utoipa_axum::router::OpenApiRouter;

use crate::harness::{Served, start};

async fn with_checks(checks: Vec<Check>) -> Served {
    start(vec![Service {
        name: "shop",
        answers_for: vec!["shop"],
        router: OpenApiRouter::new(),
        checks,
        tasks: vec![],
    }])
    .await
}

async fn readiness(served: &Served) -> (u16, Value) {
    let response = served.get("/readyz").await;
    (response.status().as_u16(), response.json().await.unwrap())
}

fn failing() -> Result<String, String> {
    Err("away".to_owned())
}

#[tokio::test]
async fn liveness_asks_no_dependency() {
    let served = with_checks(vec![Check::required("database", || async { failing() })]).await;
    assert_eq!(served.get("/livez").await.status(), 200);
}

#[tokio::test]
async fn readiness_names_every_dependency() {
    let served = with_checks(vec![
        Check::required("database", || async { Ok("version 15".to_owned()) }),
        Check::informative("broker", || async { failing() }),
    ])
    .await;
    let expected = json!({ "ready": true, "checks": {
        "shop/broker": { "ok": false, "required": false, "detail": "away" },
        "shop/database": { "ok": true, "required": true, "detail": "version 15" },
    }});
    assert_eq!(readiness(&served).await, (200, expected));
}

#[tokio::test]
async fn a_required_dependency_that_is_away_makes_it_503() {
    let served = with_checks(vec![Check::required("database", || async { failing() })]).await;
    let (status, body) = readiness(&served).await;
    assert_eq!((status, &body["ready"]), (503, &json!(false)));
}

#[tokio::test]
async fn a_dependency_that_never_answers_is_given_up() {
    let served = with_checks(vec![Check::required("database", std::future::pending)]).await;
    let (status, body) = readiness(&served).await;
    assert_eq!((status, &body["checks"]["shop/database"]["ok"]), (503, &json!(false)));
}
