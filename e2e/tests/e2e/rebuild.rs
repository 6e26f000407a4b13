//! Rebuilds of projections while everything is in use: nobody who queries notices.

mod load;
mod readers;

use dev_stack::TestVhost;
use e2e::{Client, Databases, Platform, until};
use serde_json::{Value, json};

use load::Load;
use readers::Readers;

const PROJECTIONS: [&str; 3] = ["users", "movies", "catalog"];
/// Enough for a rebuild to last a while.
const HISTORY_EVENTS: i64 = 1_000;

async fn generation(client: &Client, name: &str) -> i64 {
    let status = client.get(&format!("/projections/{name}")).await.accepted();
    status.body["generation"].as_i64().expect("a live generation")
}

/// Rebuilds a projection: the operation succeeds, finds no difference, and its generation is the live one.
async fn rebuild(client: &Client, name: &str) -> Value {
    let before = generation(client, name).await;
    let path = format!("/projections/{name}/rebuild");
    let begun = client
        .post(&path, json!({"reason": "to see whether anybody notices"}))
        .await;
    assert_eq!(
        (begun.status, begun.header("location")),
        (202, Some(path.as_str())),
        "{begun:?}"
    );
    let show = async || client.get(&path).await.accepted().body;
    until("the rebuild has ended", async || show().await["state"] != "running").await;
    let operation = show().await;
    assert_eq!(
        (&operation["state"], &operation["error"]),
        (&json!("succeeded"), &Value::Null),
        "{operation}"
    );
    let verification = &operation["verification"];
    assert_eq!(
        (&verification["differences_total"], &verification["compared_with"]),
        (&json!(0), &json!(before)),
        "{operation}"
    );
    assert_eq!(operation["generation"], before + 1, "{operation}");
    assert_eq!(generation(client, name).await, before + 1);
    operation
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_projection_is_rebuilt_under_load_and_no_query_fails_comes_back_empty_or_goes_back_in_time() {
    let (databases, vhost) = (Databases::create().await, TestVhost::create().await);
    let platform = Platform::start(&databases, &vhost.amqp_url()).await;
    let client = &platform.client;
    let load = Load::start(client).await;
    until("there is a history", async || load.position() >= HISTORY_EVENTS).await;
    let readers = Readers::start(client).await;
    readers.all_read_on().await;

    for name in PROJECTIONS {
        let (position, reads) = (load.position(), readers.reads());
        let operation = rebuild(client, name).await;
        let verified = operation["verification"]["position"].as_i64().expect("a position");
        assert!(verified >= HISTORY_EVENTS && load.position() > position, "{operation}");
        for (before, after) in reads.iter().zip(readers.reads()) {
            assert!(after > *before, "a reader stood still while {name} was rebuilt");
        }
        readers.all_read_on().await;
    }

    let at_once = PROJECTIONS.map(|name| rebuild(client, name));
    futures::future::join_all(at_once).await;
    readers.all_read_on().await;

    readers.stop().await;
    let head = load.stop().await;
    for name in PROJECTIONS {
        assert_eq!(generation(client, name).await, 3, "two rebuilds");
        until("all is applied", async || {
            let status = client.get(&format!("/projections/{name}")).await.accepted();
            status.body["position"].as_i64() >= Some(head) && status.body["state"] == "consuming"
        })
        .await;
    }
    platform.stop().await;
}
