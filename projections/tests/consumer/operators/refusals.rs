//! What operators ask wrongly.

use reqwest::Client;
use serde_json::json;

use crate::operators::asking::{Answer, discard, get, post, relay, send, served};

#[tokio::test]
async fn a_projection_that_is_not_served_here_is_not_found() {
    let (_stack, process, _recorder) = served().await;
    let client = Client::new();
    let base = format!("{}/projections/nobody", process.url);
    for path in ["actions", "parked", "parked/1"] {
        let answer = send(client.get(format!("{base}/{path}"))).await;
        assert_eq!(answer.refusal(), (404, "PROJECTION_NOT_FOUND"), "{path}");
    }
    for path in ["pause", "resume", "parked/1/retry", "parked/1/discard"] {
        let answer = send(client.post(format!("{base}/{path}")).json(&json!({"reason": "x"}))).await;
        assert_eq!(answer.refusal(), (404, "PROJECTION_NOT_FOUND"), "{path}");
    }
}

#[tokio::test]
async fn a_position_is_a_positive_number_at_which_a_stream_is_parked() {
    let (mut stack, process, _recorder) = served().await;
    relay(&mut stack, &["rule-1", "rule-1", "rule-1"]).await;
    for wrong in ["0", "-1", "x", "9223372036854775808"] {
        let answers = [
            get(&process, &format!("/parked/{wrong}")).await,
            post(&process, &format!("/parked/{wrong}/retry"), json!({})).await,
            post(&process, &format!("/parked/{wrong}/discard"), json!({"reason": "x"})).await,
        ];
        for answer in answers {
            assert_eq!(answer.refusal(), (400, "INVALID_PATH"), "{wrong}");
            assert_eq!(answer.body["errors"][0]["pointer"], "/position");
        }
    }
    assert_eq!(get(&process, "/parked/1").await.refusal(), (404, "NOT_PARKED"));
    assert_eq!(get(&process, "/parked/3").await.refusal(), (404, "NOT_PARKED"));
    assert_eq!(
        post(&process, "/parked/3/retry", json!({})).await.refusal(),
        (409, "NOT_FIRST")
    );
    assert_eq!(
        post(&process, "/parked/1/retry", json!({})).await.refusal(),
        (404, "NOT_PARKED")
    );
}

#[tokio::test]
async fn a_discard_needs_a_reason_that_can_be_kept() {
    let (mut stack, process, _recorder) = served().await;
    relay(&mut stack, &["rule-1", "rule-1"]).await;
    let too_long = "a".repeat(501);
    let bodies = [
        (json!({}), "/reason"),
        (json!({"reason": null}), "/reason"),
        (json!({"reason": ""}), "/reason"),
        (json!({"reason": "a\u{0}b"}), "/reason"),
        (json!({"reason": too_long}), "/reason"),
        (json!({"reason": "x", "all": "yes"}), "/all"),
        (json!({"reason": "x", "why": "x"}), "/why"),
    ];
    for (body, pointer) in bodies {
        let answer = discard(&process, 2, body.clone()).await;
        assert_eq!(answer.refusal(), (422, "VALIDATION_FAILED"), "{body}");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{body}");
    }
    assert_eq!(stack.parked().await.len(), 1, "nothing was done");
    assert_eq!(get(&process, "/actions").await.ok()["items"], json!([]));
}

#[tokio::test]
async fn what_else_is_wrong_is_named() {
    let (_stack, process, _recorder) = served().await;
    let client = Client::new();
    let base = format!("{}/projections/recorder", process.url);
    let pointer = |answer: &Answer| {
        answer.body["errors"][0]["pointer"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    for path in ["/parked?limit=0", "/actions?limit=101", "/parked?limit=x"] {
        let answer = get(&process, path).await;
        assert_eq!(
            (answer.refusal(), pointer(&answer)),
            ((400, "INVALID_QUERY"), "/limit".into()),
            "{path}"
        );
    }
    for path in ["/parked?cursor=x", "/actions?cursor=x"] {
        let answer = get(&process, path).await;
        assert_eq!(
            (answer.refusal(), pointer(&answer)),
            ((400, "INVALID_CURSOR"), "/cursor".into()),
            "{path}"
        );
    }
    assert_eq!(get(&process, "/parked?who=x").await.refusal(), (400, "INVALID_QUERY"));
    let too_long = "a".repeat(65);
    for who in ["", "t\u{e4}st", &too_long] {
        let answer = send(client.post(format!("{base}/pause")).header("Marquee-Operator", who)).await;
        assert_eq!(answer.refusal(), (400, "INVALID_OPERATOR"), "{who}");
    }
    let answer = post(&process, "/pause", json!({"reason": "", "x": 1})).await;
    assert_eq!(answer.refusal(), (422, "VALIDATION_FAILED"));
    let answer = send(client.post(format!("{base}/pause")).body("{}")).await;
    assert_eq!(answer.refusal(), (415, "UNSUPPORTED_MEDIA_TYPE"));
    assert_eq!(get(&process, "").await.ok()["paused"], json!(null), "nothing was done");
}
