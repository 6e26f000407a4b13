//! What a projection tells of itself besides its position.

use domain::Position;
use serde_json::json;

use crate::operators::asking::{get, relay, served};
use crate::process::eventually;

#[tokio::test]
async fn it_tells_of_its_queue_its_speed_and_its_code() {
    let (mut stack, process, _recorder) = served().await;
    let status = get(&process, "").await.ok();
    assert_eq!((&status["code_version"], &status["version"]), (&json!(0), &json!(0)));
    assert_eq!(
        (&status["rebuild"], &status["retired_generation"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(
        status["queue"],
        json!({"name": "recorder.v1", "messages": 0, "consumers": 1})
    );
    relay(&mut stack, &["m-1", "m-2"]).await;
    eventually("a speed", async || {
        get(&process, "").await.ok()["events_per_second"]
            .as_f64()
            .filter(|rate| *rate >= 0.0)
    })
    .await;
}

#[tokio::test]
async fn it_tells_of_a_retired_generation_and_of_the_last_rebuild() {
    let (stack, process, _recorder) = served().await;
    stack
        .change_model(
            "INSERT INTO generation (projection, number, state, version, binding_version, position, event_id, log_id) \
             VALUES ('recorder', 7, 'retired', 3, 1, 12, gen_random_uuid(), gen_random_uuid()); \
             INSERT INTO rebuild (projection, running, report) VALUES ('recorder', false, \
             '{\"kind\": \"rebuild\", \"state\": \"succeeded\", \"phase\": null, \"percent\": 100, \"x\": 1}')",
        )
        .await;
    let status = get(&process, "").await.ok();
    assert_eq!(
        status["retired_generation"],
        json!({"number": 7, "version": 3, "position": 12})
    );
    assert_eq!(
        status["rebuild"],
        json!({"kind": "rebuild", "state": "succeeded", "phase": null, "percent": 100.0})
    );
}

#[tokio::test]
async fn the_last_checkpoints_are_remembered_with_their_times() {
    let (mut stack, _process, _recorder) = served().await;
    relay(&mut stack, &["m-1"]).await;
    stack.change_model("UPDATE projection SET applied_slot = 65535").await;
    relay(&mut stack, &["m-1"]).await;
    relay(&mut stack, &["m-1"]).await;
    let positions = stack.column("SELECT position FROM applied ORDER BY slot").await;
    assert_eq!(positions, [2, 3], "the ring begins anew, over its oldest");
    let recent = stack
        .column("SELECT position FROM applied WHERE generation = 1 AND now() - at < interval '1 minute' ORDER BY slot")
        .await;
    assert_eq!(recent, positions);
    assert_eq!(stack.log.head().await.expect("the log's head").position, Position(3));
}
