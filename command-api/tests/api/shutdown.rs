//! Told to stop, the API loses no command it has accepted.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::{Api, events};

const CLIENTS: usize = 8;
const ACCEPTED_BEFORE_THE_STOP: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_answered_as_accepted_is_in_the_log_after_a_stop_in_the_middle() {
    let api = Api::start().await;
    let accepted = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let (client, shutdown, accepted) = (api.client.clone(), api.shutdown.clone(), accepted.clone());
        clients.spawn(async move {
            let mut ids = Vec::new();
            loop {
                let id = format!("{number}-{}", ids.len());
                let body = json!({ "id": id, "full_name": "usama" });
                // The connection ends, or is refused, once the API has stopped.
                let Ok(answer) = client.request("POST", "/users").json(&body).try_send().await else {
                    return ids;
                };
                assert_eq!(answer.status, 201, "{answer:?}");
                ids.push(id);
                if accepted.fetch_add(1, Ordering::SeqCst) + 1 == ACCEPTED_BEFORE_THE_STOP {
                    shutdown.cancel();
                }
            }
        });
    }
    let answered: Vec<String> = clients.join_all().await.into_iter().flatten().collect();
    assert!(answered.len() >= ACCEPTED_BEFORE_THE_STOP);
    let database = api.stop().await;
    let logged: HashSet<String> = events(&database)
        .await
        .into_iter()
        .map(|event| event.aggregate_id)
        .collect();
    let lost: Vec<&String> = answered.iter().filter(|id| !logged.contains(*id)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}
