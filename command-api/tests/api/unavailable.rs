//! What a client hears when the event store is slow, full or away.

use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::harness::{Api, PATIENCE, Request};

fn register(api: &Api, id: usize) -> Request {
    api.post("/users")
        .json(&json!({ "id": id.to_string(), "full_name": "usama" }))
}

/// Takes the lock every append waits for.
async fn hold_appends(api: &Api) -> PgConnection {
    let mut holder = api.admin().await;
    sqlx::query("SELECT pg_advisory_lock(1)")
        .execute(&mut holder)
        .await
        .unwrap();
    holder
}

async fn release_appends(mut holder: PgConnection) {
    sqlx::query("SELECT pg_advisory_unlock(1)")
        .execute(&mut holder)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_full_queue_is_503_at_once_and_loses_nothing_it_took() {
    let api = Api::start_with(|args| args.tuning.writer_queue = 1).await;
    let holder = hold_appends(&api).await;
    let mut sent: Vec<_> = (0..12).map(|id| tokio::spawn(register(&api, id).send())).collect();
    // Those that are refused are answered while the append still waits.
    let refused = async {
        loop {
            if let Some(index) = sent.iter().position(tokio::task::JoinHandle::is_finished) {
                return sent.remove(index).await.unwrap();
            }
            tokio::task::yield_now().await;
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.unwrap();
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (503, &json!("WRITER_BUSY")),
        "{refused:?}"
    );
    assert_eq!(refused.header("retry-after"), Some("1"));

    release_appends(holder).await;
    let mut accepted = 0;
    for answer in sent {
        let answer = answer.await.unwrap();
        match answer.status {
            201 => accepted += 1,
            _ => assert_eq!(
                (answer.status, &answer.body["code"]),
                (503, &json!("WRITER_BUSY")),
                "{answer:?}"
            ),
        }
    }
    assert!(accepted > 0);
    assert_eq!(api.events().await.len(), accepted);
}

#[tokio::test]
async fn far_more_than_the_database_takes_is_refused_at_once_and_all_that_was_taken_is_there() {
    const SENT: usize = 600;
    // What waits in the queue, what the writer has taken from it, and the batch that is being sent.
    const TAKEN_MAX: usize = 16 + 2 * 256;
    let api = Api::start_with(|args| args.tuning.writer_queue = 16).await;
    let holder = hold_appends(&api).await;
    let mut sent = tokio::task::JoinSet::new();
    for id in 0..SENT {
        sent.spawn(register(&api, id).send());
    }
    let mut refused = 0;
    let all_that_are_too_many = async {
        while refused < SENT - TAKEN_MAX {
            let answer = sent.join_next().await.unwrap().unwrap();
            assert_eq!(
                (answer.status, &answer.body["code"]),
                (503, &json!("WRITER_BUSY")),
                "{answer:?}"
            );
            assert_eq!(answer.header("retry-after"), Some("1"));
            refused += 1;
        }
    };
    // While the appends still wait.
    tokio::time::timeout(PATIENCE, all_that_are_too_many).await.unwrap();

    release_appends(holder).await;
    let mut accepted = 0;
    while let Some(answer) = sent.join_next().await {
        match answer.unwrap().status {
            201 => accepted += 1,
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!(accepted + refused, SENT);
    assert_eq!(api.events().await.len(), accepted);
    register(&api, SENT).accepted().await;
}

#[tokio::test]
async fn an_unknown_outcome_is_503_and_the_same_request_again_finds_out() {
    let api = Api::start_with(|args| args.tuning.append_timeout_ms = 300).await;
    let holder = hold_appends(&api).await;
    let request = || register(&api, 1).header("idempotency-key", "k");
    let unknown = request().refused(503, "OUTCOME_UNKNOWN").await;
    assert_eq!(unknown.header("retry-after"), Some("1"));

    release_appends(holder).await;
    let found_out = async {
        loop {
            let answer = request().send().await;
            if answer.status != 503 {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(PATIENCE, found_out).await.unwrap();
    assert_eq!((answer.status, &answer.body["id"]), (201, &json!("1")), "{answer:?}");
    assert_eq!(api.events().await.len(), 1);
}

#[tokio::test]
async fn an_event_store_that_is_away_is_503_until_it_is_back() {
    let api = Api::start_with(|args| args.tuning.append_timeout_ms = 300).await;
    register(&api, 1).accepted().await;
    let allow = |allowed: bool| format!("ALTER DATABASE {} ALLOW_CONNECTIONS {allowed}", api.database.name());
    // From another database: one's own cannot be closed.
    let mut admin = PgConnection::connect(dev_stack::for_tests().await.database_url())
        .await
        .unwrap();
    sqlx::query(&allow(false)).execute(&mut admin).await.unwrap();
    api.database.terminate_connections().await;

    // Sent on the connection that was lost: it may have arrived.
    register(&api, 2).refused(503, "OUTCOME_UNKNOWN").await;
    let answer = register(&api, 3).refused(503, "EVENT_STORE_UNAVAILABLE").await;
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(
        !answer.body.to_string().contains("connections"),
        "details stay in the log: {answer:?}"
    );
    let log = api.client.request("GET", "/event-store");
    log.refused(503, "EVENT_STORE_UNAVAILABLE").await;
    let readiness = api.client.request("GET", "/readyz").send().await;
    assert_eq!(
        (
            readiness.status,
            &readiness.body["checks"]["command-api/event_store"]["ok"]
        ),
        (503, &json!(false))
    );
    assert_eq!(api.client.request("GET", "/livez").status().await, 200);

    sqlx::query(&allow(true)).execute(&mut admin).await.unwrap();
    let back = async { while register(&api, 2).send().await.status == 503 {} };
    tokio::time::timeout(PATIENCE, back).await.unwrap();
    assert_eq!(api.events().await.len(), 2);
}

#[tokio::test]
async fn sessions_that_were_ended_while_idle_cost_no_command_and_no_reader_an_answer() {
    let api = Api::start().await;
    let name = |id: usize| api.post(&format!("/users/{id}")).json(&json!({ "full_name": "usama" }));
    for id in 0..10 {
        name(id).accepted().await;
    }
    for round in 0..3 {
        for path in ["/event-store", "/readyz"] {
            let fill = (0..10).map(|_| api.client.request("GET", path).send());
            futures::future::join_all(fill).await;
            api.database.terminate_connections().await;
            for _ in 0..10 {
                assert_eq!(api.client.request("GET", path).status().await, 200, "{path}");
            }
        }
        // What changes nothing is decided on what the store has now. One by one, and all at once.
        api.database.terminate_connections().await;
        for id in 0..10 {
            name(id).accepted().await;
        }
        api.database.terminate_connections().await;
        futures::future::join_all((0..10).map(|id| name(id).accepted())).await;
        api.database.terminate_connections().await;
        futures::future::join_all((0..10).map(|id| name(10 * (round + 1) + id).accepted())).await;
    }
    assert_eq!(
        api.events().await.len(),
        2 * 40,
        "each user is registered and named, once"
    );
}
