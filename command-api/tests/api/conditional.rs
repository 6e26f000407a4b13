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
    let first = login(&api, "1", &api.tag(1).await).accepted().await;
    let tag = first.header("etag").unwrap().to_owned();
    assert_eq!(login(&api, "1", &tag).accepted().await.sequence(), 3);
    assert_eq!(login(&api, "1", "*").accepted().await.sequence(), 4);
}

#[tokio::test]
async fn a_command_whose_condition_does_not_hold_changes_nothing() {
    let api = with_user().await;
    let present = api.tag(1).await;
    let weak = format!("W/{present}");
    for tag in [
        &api.tag(2).await,
        "\"0\"",
        "\"01\"",
        "\"1\"",
        "\"1-00000000\"",
        &weak,
        "\"abc\"",
    ] {
        let answer = login(&api, "1", tag).refused(412, "PRECONDITION_FAILED").await;
        assert_eq!(answer.header("etag"), Some(present.as_str()), "the present state");
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
    for text in ["1", "\"1", "\"1\" \"2\"", "\"1\", *", ""] {
        login(&api, "1", text).refused(400, "INVALID_IF_MATCH").await;
        let unless = api.post("/users/1/logins").header("if-none-match", text);
        let answer = unless.refused(400, "INVALID_IF_NONE_MATCH").await;
        assert_eq!(answer.field_errors()[0].0, "/If-None-Match");
    }
    assert_eq!(api.events().await.len(), 1);
}

#[tokio::test]
async fn of_several_entity_tags_one_is_enough() {
    let api = with_user().await;
    let (first, second) = (api.tag(1).await, api.tag(2).await);
    login(&api, "1", &format!("\"7\", W/{first}, \"abc\""))
        .refused(412, "PRECONDITION_FAILED")
        .await;
    assert_eq!(
        login(&api, "1", &format!("\"7\", {first}")).accepted().await.sequence(),
        2
    );
    let in_two_lines = login(&api, "1", "\"7\"").header("if-match", &second);
    assert_eq!(in_two_lines.accepted().await.sequence(), 3);
}

#[tokio::test]
async fn what_exists_is_not_overwritten_by_a_command_for_what_does_not() {
    let api = with_user().await;
    let create = |id: &str| {
        api.post(&format!("/users/{id}"))
            .header("if-none-match", "*")
            .json(&json!({ "full_name": "other" }))
    };
    let answer = create("1").refused(412, "PRECONDITION_FAILED").await;
    assert_eq!(
        answer.header("etag"),
        Some(api.tag(1).await.as_str()),
        "the present state"
    );
    assert_eq!(create("2").accepted().await.status, 201);
    create("2").refused(412, "PRECONDITION_FAILED").await;
    assert_eq!(
        api.event_types().await,
        ["user.created", "user.created", "user.profile.updated"]
    );
}

#[tokio::test]
async fn a_state_that_a_command_is_not_meant_for_is_named_by_its_entity_tag_weak_or_not() {
    let api = with_user().await;
    let login = |tags: &str| api.post("/users/1/logins").header("if-none-match", tags);
    let present = api.tag(1).await;
    for tags in [&present, &format!("W/{present}"), &format!("\"7\", {present}"), "*"] {
        login(tags).refused(412, "PRECONDITION_FAILED").await;
    }
    let both = login(&present).header("if-match", &present);
    both.refused(412, "PRECONDITION_FAILED").await;
    for (tags, sequence) in [("\"7\"", 2), ("\"abc\", \"01\"", 3)] {
        assert_eq!(login(tags).accepted().await.sequence(), sequence, "{tags}");
    }
}

#[tokio::test]
async fn a_condition_does_not_hide_why_a_command_would_be_rejected_without_it() {
    let api = with_user().await;
    let body = json!({ "id": "1", "full_name": "usama" });
    api.post("/users")
        .json(&json!({ "id": "gone", "full_name": "a" }))
        .accepted()
        .await;
    api.delete("/users/gone").accepted().await;
    let cinema =
        json!({ "id": "odeon", "name": "Odeon", "city_id": "berlin", "address": "a", "time_zone": "Europe/Berlin" });
    api.post("/cinemas").json(&cinema).accepted().await;
    let before = api.events().await.len();
    for (name, value) in [
        ("if-match", "\"9\""),
        ("if-match", "*"),
        ("if-match", "W/\"1\""),
        ("if-none-match", "*"),
        ("if-none-match", "\"1\""),
    ] {
        let with = |request: Request| request.header(name, value);
        with(api.post("/users/none/logins"))
            .refused(404, "USER_NOT_FOUND")
            .await;
        with(api.post("/users/gone/logins")).refused(410, "USER_DELETED").await;
        with(api.post("/users").json(&body))
            .refused(409, "USER_ALREADY_EXISTS")
            .await;
        with(api.put("/cinemas/odeon/programme/none"))
            .refused(404, "MOVIE_NOT_FOUND")
            .await;
        with(api.delete("/movies/none")).refused(404, "MOVIE_NOT_FOUND").await;
    }
    assert_eq!(api.events().await.len(), before);
}

#[tokio::test]
async fn of_several_commands_to_create_the_same_one_is_accepted() {
    let api = Api::start().await;
    let create = |number: usize| {
        api.post("/users/1")
            .header("if-none-match", "*")
            .json(&json!({ "full_name": format!("user {number}") }))
            .send()
    };
    let answers = futures::future::join_all((0..8).map(create)).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 412, 412, 412, 412, 412, 412, 412]);
}

#[tokio::test]
async fn a_key_is_not_used_again_with_another_condition() {
    let api = with_user().await;
    let login = || api.post("/users/1/logins").header("idempotency-key", "k");
    login().header("if-none-match", "\"7\"").accepted().await;
    login().refused(422, "IDEMPOTENCY_KEY_REUSED").await;
    let again = login().header("if-none-match", "\"7\"").accepted().await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
}

#[tokio::test]
async fn of_several_commands_for_the_same_state_one_is_accepted() {
    let api = with_user().await;
    let tag = api.tag(1).await;
    let answers = futures::future::join_all((0..8).map(|_| login(&api, "1", &tag).send())).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
    assert_eq!(api.events().await.len(), 2);
}

#[tokio::test]
async fn a_tag_of_the_lost_history_does_not_hold_in_the_new_one() {
    let api = with_user().await;
    let tag = api.tag(1).await;
    assert!(
        login(&api, "1", &tag)
            .header("idempotency-key", "k")
            .accepted()
            .await
            .header("etag")
            .is_some()
    );
    let of_the_old_log = api.tag(2).await;
    api.change_log("UPDATE log SET log_id = gen_random_uuid()").await;
    let of_the_new_log = api.tag(2).await;
    assert_ne!(of_the_old_log, of_the_new_log);

    let refused = login(&api, "1", &of_the_old_log)
        .refused(412, "PRECONDITION_FAILED")
        .await;
    assert_eq!(refused.header("etag"), Some(of_the_new_log.as_str()));
    let again = login(&api, "1", &tag).header("idempotency-key", "k").accepted().await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(
        again.header("etag"),
        Some(of_the_new_log.as_str()),
        "the present log has that state"
    );
    assert_eq!(login(&api, "1", &of_the_new_log).accepted().await.sequence(), 3);
}
