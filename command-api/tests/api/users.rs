//! The routes of users.

use serde_json::json;

use crate::harness::Api;

async fn with_user() -> Api {
    let api = Api::start().await;
    api.post("/users")
        .json(&json!({ "id": "1", "full_name": "usama" }))
        .accepted()
        .await;
    api
}

#[tokio::test]
async fn registering_a_user_answers_201_with_its_place_and_its_fields() {
    let api = Api::start().await;
    let answer = api
        .post("/users")
        .json(&json!({ "id": "1", "full_name": " usama ", "email": "u@example.org" }))
        .accepted()
        .await;
    assert_eq!((answer.status, answer.header("location")), (201, Some("/users/1")));
    let expected = json!({ "id": "1", "sequence": 1, "position": 1, "full_name": "usama", "email": "u@example.org" });
    assert_eq!(answer.body, expected);

    let events = api.events().await;
    assert_eq!(events[0].event_type, "user.created");
    assert_eq!(
        (&events[0].payload["full_name"], &events[0].payload["email"]),
        (&json!("usama"), &json!("u@example.org"))
    );
}

#[tokio::test]
async fn a_user_registered_without_an_id_gets_one() {
    let api = Api::start().await;
    for body in [
        json!({ "full_name": "a" }),
        json!({ "id": null, "full_name": "b", "email": null }),
    ] {
        let answer = api.post("/users").json(&body).accepted().await;
        let id = answer.body["id"].as_str().unwrap();
        assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7);
        assert_eq!(answer.header("location").unwrap(), format!("/users/{id}"));
    }
}

#[tokio::test]
async fn a_user_is_registered_once() {
    let api = with_user().await;
    api.post("/users")
        .json(&json!({ "id": "1", "full_name": "other" }))
        .refused(409, "USER_ALREADY_EXISTS")
        .await;
    assert_eq!(api.event_types().await, ["user.created"]);
}

/// `curl -d "full_name=usama" -X POST http://localhost:3000/users/1`
#[tokio::test]
async fn the_articles_request_registers_an_unknown_user_and_tells_of_the_profile() {
    let api = Api::start().await;
    let request = || {
        api.post("/users/1")
            .raw("application/x-www-form-urlencoded", "full_name=usama")
    };
    let answer = request().accepted().await;
    assert_eq!((answer.status, answer.header("location")), (201, Some("/users/1")));
    assert_eq!(
        answer.body,
        json!({ "id": "1", "sequence": 2, "position": 2, "full_name": "usama" })
    );
    assert_eq!(api.event_types().await, ["user.created", "user.profile.updated"]);

    let again = request().accepted().await;
    assert_eq!(
        (again.status, &again.body),
        (201, &answer.body),
        "the same request changes nothing"
    );
    assert_eq!(api.events().await.len(), 2);
}

#[tokio::test]
async fn a_profile_is_updated_and_what_is_left_out_stays() {
    let api = with_user().await;
    let answer = api
        .post("/users/1")
        .json(&json!({ "email": "u@example.org" }))
        .accepted()
        .await;
    let expected = json!({ "id": "1", "sequence": 2, "position": 2, "full_name": "usama", "email": "u@example.org" });
    assert_eq!((answer.status, answer.body), (201, expected));
    assert_eq!(api.event_types().await, ["user.created", "user.profile.updated"]);
}

#[tokio::test]
async fn an_unknown_user_is_not_registered_without_a_name() {
    let api = Api::start().await;
    api.post("/users/1")
        .json(&json!({ "email": "u@example.org" }))
        .refused(404, "USER_NOT_FOUND")
        .await;
    let answer = api
        .post("/users/1")
        .json(&json!({}))
        .refused(422, "VALIDATION_FAILED")
        .await;
    assert_eq!(
        answer.field_errors(),
        [("/full_name".to_owned(), "REQUIRED".to_owned())]
    );
    assert_eq!(api.events().await.len(), 0);
}

#[tokio::test]
async fn a_profile_cannot_be_set_to_null() {
    let api = with_user().await;
    let answer = api
        .post("/users/1")
        .json(&json!({ "email": null }))
        .refused(422, "VALIDATION_FAILED")
        .await;
    assert_eq!(
        answer.field_errors(),
        [("/email".to_owned(), "INVALID_TYPE".to_owned())]
    );
}

#[tokio::test]
async fn roles_are_granted_and_revoked_and_doing_it_twice_changes_nothing() {
    let api = with_user().await;
    let grant = || api.post("/users/1/roles").json(&json!({ "role": "box_office" }));
    let expected = json!({ "id": "1", "sequence": 2, "position": 2, "role": "box_office" });
    for _ in 0..2 {
        let answer = grant().accepted().await;
        assert_eq!((answer.status, answer.body), (200, expected.clone()));
    }
    let expected = json!({ "id": "1", "sequence": 3, "position": 3, "role": "box_office" });
    for _ in 0..2 {
        assert_eq!(api.delete("/users/1/roles/box_office").accepted().await.body, expected);
    }
    assert_eq!(
        api.event_types().await,
        ["user.created", "user.roles.granted", "user.roles.revoked"]
    );
}

#[tokio::test]
async fn a_login_is_recorded_each_time() {
    let api = with_user().await;
    for sequence in [2, 3] {
        let answer = api.post("/users/1/logins").accepted().await;
        assert_eq!(
            answer.body,
            json!({ "id": "1", "sequence": sequence, "position": sequence })
        );
    }
    assert_eq!(api.event_types().await[1..], ["user.logged_in", "user.logged_in"]);
}

#[tokio::test]
async fn a_deleted_user_is_gone_for_every_command() {
    let api = with_user().await;
    let answer = api.delete("/users/1").accepted().await;
    assert_eq!(
        (answer.status, answer.body),
        (200, json!({ "id": "1", "sequence": 2, "position": 2 }))
    );

    api.post("/users")
        .json(&json!({ "id": "1", "full_name": "a" }))
        .refused(410, "USER_DELETED")
        .await;
    api.post("/users/1")
        .json(&json!({ "full_name": "a" }))
        .refused(410, "USER_DELETED")
        .await;
    api.post("/users/1/roles")
        .json(&json!({ "role": "admin" }))
        .refused(410, "USER_DELETED")
        .await;
    api.delete("/users/1/roles/admin").refused(410, "USER_DELETED").await;
    api.post("/users/1/logins").refused(410, "USER_DELETED").await;
    api.delete("/users/1").refused(410, "USER_DELETED").await;
    assert_eq!(api.event_types().await, ["user.created", "user.deleted"]);
}

#[tokio::test]
async fn an_unknown_user_is_not_found() {
    let api = Api::start().await;
    api.post("/users/1/roles")
        .json(&json!({ "role": "admin" }))
        .refused(404, "USER_NOT_FOUND")
        .await;
    api.delete("/users/1/roles/admin").refused(404, "USER_NOT_FOUND").await;
    api.post("/users/1/logins").refused(404, "USER_NOT_FOUND").await;
    api.delete("/users/1").refused(404, "USER_NOT_FOUND").await;
    assert_eq!(api.events().await.len(), 0);
}
