//! Idempotency-Key.

use serde_json::json;

use crate::harness::{Answer, Api, Request, event_store};

const HEADER: &str = "idempotency-key";

fn register(api: &Api, key: &str, full_name: &str) -> Request {
    api.post("/users")
        .header(HEADER, key)
        .json(&json!({ "full_name": full_name }))
}

fn is_replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer_without_personal_data() {
    let api = Api::start().await;
    let first = register(&api, "k", "usama").accepted().await;
    assert!(!is_replayed(&first));
    let second = register(&api, "k", "usama").accepted().await;
    assert!(is_replayed(&second));
    assert_eq!(second.status, 201);
    for header in ["location", "etag", "event-position"] {
        assert_eq!(second.header(header), first.header(header), "{header}");
    }
    let expected = json!({ "id": first.body["id"], "sequence": 1, "position": 1 });
    assert_eq!(
        second.body, expected,
        "the id that was made for the first request, and no name"
    );
    assert_eq!(api.events().await.len(), 1);
}

#[tokio::test]
async fn the_same_request_many_times_at_once_is_carried_out_once() {
    let api = Api::start().await;
    let answers = futures::future::join_all((0..8).map(|_| register(&api, "k", "usama").accepted())).await;
    assert!(
        answers.iter().all(|answer| answer.body["id"] == answers[0].body["id"]),
        "{answers:?}"
    );
    assert_eq!(answers.iter().filter(|answer| !is_replayed(answer)).count(), 1);
    assert_eq!(api.events().await.len(), 1);
}

#[tokio::test]
async fn the_same_request_to_two_processes_at_once_is_carried_out_once() {
    let api = Api::start().await;
    let other_args = crate::harness::url_of(&api.database);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other_url = format!("http://{}/users", listener.local_addr().unwrap());
    let other = command_api::service(command_api::CommandApiArgs::new(other_args))
        .await
        .unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let served = tokio::spawn(service::serve(listener, vec![other], stop.clone()));

    let body = json!({ "full_name": "usama" });
    let there = reqwest::Client::new().post(other_url).header(HEADER, "k").json(&body);
    let (here, there) = tokio::join!(register(&api, "k", "usama").accepted(), there.send());
    let there: serde_json::Value = there.unwrap().json().await.unwrap();
    assert_eq!(here.body["id"], there["id"]);
    assert_eq!(api.events().await.len(), 1);
    stop.cancel();
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_key_of_another_request_is_422() {
    let api = Api::start().await;
    let first = register(&api, "k", "usama").accepted().await;
    let id = first.body["id"].as_str().unwrap();
    register(&api, "k", "other")
        .refused(422, "IDEMPOTENCY_KEY_REUSED")
        .await;
    let body = json!({ "full_name": "usama" });
    api.post(&format!("/users/{id}"))
        .header(HEADER, "k")
        .json(&body)
        .refused(422, "IDEMPOTENCY_KEY_REUSED")
        .await;
    api.post("/users")
        .header(HEADER, "k")
        .header("if-match", "*")
        .json(&body)
        .refused(422, "IDEMPOTENCY_KEY_REUSED")
        .await;
    assert_eq!(api.events().await.len(), 1);
}

#[tokio::test]
async fn a_request_that_changed_nothing_is_replayed_too() {
    let api = Api::start().await;
    api.post("/users")
        .json(&json!({ "id": "1", "full_name": "usama" }))
        .accepted()
        .await;
    let revoke = || api.delete("/users/1/roles/admin").header(HEADER, "k");
    let first = revoke().accepted().await;
    assert_eq!((first.sequence(), is_replayed(&first)), (1, false));
    // The stream moves on; the answer is the one of then.
    api.post("/users/1/logins").accepted().await;
    let second = revoke().accepted().await;
    assert_eq!(
        (second.sequence(), second.position(), is_replayed(&second)),
        (1, 1, true)
    );
    assert_eq!(second.body, json!({ "id": "1", "sequence": 1, "position": 1 }));
}

#[tokio::test]
async fn a_repeated_request_succeeds_although_its_own_success_made_it_impossible() {
    let api = Api::start().await;
    api.post("/users")
        .json(&json!({ "id": "1", "full_name": "usama" }))
        .accepted()
        .await;
    let tag = api.tag(1).await;
    let conditional = || {
        api.post("/users/1/logins")
            .header(HEADER, "login")
            .header("if-match", &tag)
    };
    let delete = || api.delete("/users/1").header(HEADER, "delete");
    assert_eq!(conditional().accepted().await.sequence(), 2);
    assert!(is_replayed(&conditional().accepted().await));
    assert_eq!(delete().accepted().await.sequence(), 3);
    assert!(is_replayed(&delete().accepted().await));
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let api = Api::start().await;
    let login = || api.post("/users/1/logins").header(HEADER, "k");
    login().refused(404, "USER_NOT_FOUND").await;
    api.post("/users")
        .json(&json!({ "id": "1", "full_name": "usama" }))
        .accepted()
        .await;
    assert!(!is_replayed(&login().accepted().await));
}

#[tokio::test]
async fn a_malformed_key_is_400() {
    let api = Api::start().await;
    for key in ["", "two words", &"k".repeat(256)] {
        register(&api, key, "usama")
            .refused(400, "INVALID_IDEMPOTENCY_KEY")
            .await;
    }
    register(&api, "k", "usama")
        .header(HEADER, "l")
        .refused(400, "INVALID_IDEMPOTENCY_KEY")
        .await;
    assert_eq!(api.events().await.len(), 0);
    register(&api, &"k".repeat(255), "usama").accepted().await;
}

#[tokio::test]
async fn a_key_survives_a_restart_and_is_forgotten_when_it_is_old() {
    let api = Api::start_on(event_store().await, |_| {}).await;
    let first = register(&api, "k", "usama").accepted().await;
    let database = api.stop().await;

    let api = Api::start_on(database, |_| {}).await;
    let second = register(&api, "k", "usama").accepted().await;
    assert_eq!((is_replayed(&second), &second.body["id"]), (true, &first.body["id"]));
    let age = "UPDATE idempotency_keys SET recorded_at = recorded_at - interval '73 hours'";
    sqlx::query(age).execute(&mut api.admin().await).await.unwrap();
    let database = api.stop().await;

    let api = Api::start_on(database, |_| {}).await;
    let mut admin = api.admin().await;
    let forgotten = async {
        while sqlx::query_scalar::<_, i64>("SELECT count(*) FROM idempotency_keys")
            .fetch_one(&mut admin)
            .await
            .unwrap()
            > 0
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::harness::PATIENCE, forgotten).await.unwrap();
    let third = register(&api, "k", "usama").accepted().await;
    assert_ne!(third.body["id"], first.body["id"]);
}
