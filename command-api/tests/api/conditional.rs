//! If-Match.

use serde_json::json;

use crate::harness::{Api, Request};

fn login(api: &Api, id: &str, if_match: &str) -> Request {
    api.post(&format!("/users/{id}/logins")).header("if-match", if_match)
}

async fn with_user() -> Api {
    let api = Api::start().await;
    api.post("/users")
        .json(&json!({ "id": "1", "full_name": "usama" }))
        .accepted()
        .await;
    api
}

#[tokio::test]
async fn a_command_is_accepted_while_its_condition_holds() {
    let api = with_user().await;
    let first = login(&api, "1", "\"1\"").accepted().await;
    let tag = first.header("etag").unwrap().to_owned();
    assert_eq!(login(&api, "1", &tag).accepted().await.sequence(), 3);
    assert_eq!(login(&api, "1", "*").accepted().await.sequence(), 4);
}

#[tokio::test]
async fn a_command_whose_condition_does_not_hold_changes_nothing() {
    let api = with_user().await;
    for tag in ["\"2\"", "\"0\"", "\"01\"", "W/\"1\"", "\"abc\""] {
        let answer = login(&api, "1", tag).refused(412, "PRECONDITION_FAILED").await;
        assert_eq!(answer.header("etag"), Some("\"1\""), "the present state");
    }
    assert_eq!(api.events().await.len(), 1);
}

#[tokio::test]
async fn a_request_that_is_wrong_anyway_is_not_told_of_its_condition() {
    let api = with_user().await;
    for tag in ["\"2\"", "W/\"1\"", "\"abc\""] {
        let grant = api.post("/users/1/roles").header("if-match", tag);
        grant
            .json(&json!({ "role": "king" }))
            .refused(422, "VALIDATION_FAILED")
            .await;
        login(&api, "a%20b", tag).refused(400, "INVALID_PATH").await;
    }
}

#[tokio::test]
async fn a_star_needs_something_to_be_there() {
    let api = Api::start().await;
    let create = |if_match: &str| {
        api.post("/users/2")
            .header("if-match", if_match)
            .json(&json!({ "full_name": "a" }))
    };
    create("*").refused(412, "PRECONDITION_FAILED").await;
    let answer = create("\"1\"").refused(412, "PRECONDITION_FAILED").await;
    assert_eq!(answer.header("etag"), None, "nothing has no state");
    create("W/\"1\"").refused(412, "PRECONDITION_FAILED").await;
    assert_eq!(api.events().await.len(), 0);
}

#[tokio::test]
async fn a_condition_that_is_no_entity_tag_is_400() {
    let api = with_user().await;
    for text in ["1", "\"1", "\"1\", \"2\"", ""] {
        login(&api, "1", text).refused(400, "INVALID_IF_MATCH").await;
    }
    assert_eq!(api.events().await.len(), 1);
}

#[tokio::test]
async fn of_several_commands_for_the_same_state_one_is_accepted() {
    let api = with_user().await;
    let answers = futures::future::join_all((0..8).map(|_| login(&api, "1", "\"1\"").send())).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
    assert_eq!(api.events().await.len(), 2);
}
