//! Queries of users.

use projections::Users;
use reqwest::StatusCode;
use serde_json::json;

use crate::history::{History, recorded_at};
use crate::read_model::ReadModel;

fn some_users() -> History {
    let mut history = History::default();
    history.user("u1", "Ada Lovelace");
    history.user("u2", "Grace Hopper");
    history.user("u3", "Jean-Luc O'Brien");
    history.user("u4", "Åsa St.Clair");
    history.push("u1", "user.roles.granted", json!({"role": "admin"}));
    history.push("u2", "user.roles.granted", json!({"role": "manager"}));
    history.push("u3", "user.roles.granted", json!({"role": "manager"}));
    history
}

#[tokio::test]
async fn a_user_is_answered_with_all_its_fields_and_the_sequence_as_entity_tag() {
    let mut history = History::default();
    history.push(
        "u1",
        "user.created",
        json!({"full_name": "Ada Byron", "email": "ada@example.org"}),
    );
    history.push("u1", "user.roles.granted", json!({"role": "manager"}));
    history.push(
        "u1",
        "user.profile.updated",
        json!({"full_name": "Ada Lovelace", "email": "ada@example.org"}),
    );
    history.push("u1", "user.logged_in", json!({}));
    let model = ReadModel::of(Users, &history).await;

    let answered = model.get("/users/u1").await;
    assert_eq!(answered.status, StatusCode::OK);
    assert_eq!(
        answered.body,
        json!({
            "id": "u1", "full_name": "Ada Lovelace", "email": "ada@example.org", "roles": ["manager"],
            "created_at": recorded_at(1), "updated_at": recorded_at(3), "last_login_at": recorded_at(4),
            "sequence": 4,
        })
    );
    assert_eq!(answered.etag.as_deref(), Some("\"4-00000000\""));
    assert_eq!(answered.read_position.as_deref(), Some("4"));
}

#[tokio::test]
async fn an_unchanged_user_is_304_and_a_changed_one_is_not() {
    let mut history = some_users();
    let model = ReadModel::of(Users, &history).await;
    let etag = model.get("/users/u1").await.etag.expect("an entity tag");
    assert_eq!(
        model.get_unless("/users/u1", Some(&etag)).await.status,
        StatusCode::NOT_MODIFIED
    );

    history.push("u1", "user.logged_in", json!({}));
    model
        .apply(&history.events[history.events.len() - 1..])
        .await
        .expect("a valid event");
    let answered = model.get_unless("/users/u1", Some(&etag)).await;
    assert_eq!(
        (answered.status, answered.etag.as_deref()),
        (StatusCode::OK, Some("\"3-00000000\""))
    );
}

#[tokio::test]
async fn an_unchanged_list_is_304_and_a_changed_one_is_not() {
    let mut history = some_users();
    let model = ReadModel::of(Users, &history).await;
    let etag = model.get("/users").await.etag.expect("an entity tag");
    assert_eq!(
        model.get_unless("/users", Some(&etag)).await.status,
        StatusCode::NOT_MODIFIED
    );

    history.user("u5", "Linus");
    model
        .apply(&history.events[history.events.len() - 1..])
        .await
        .expect("a valid event");
    assert_eq!(model.get_unless("/users", Some(&etag)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_deleted_user_is_gone_and_an_unknown_one_not_found() {
    let mut history = some_users();
    history.push("u1", "user.deleted", json!({}));
    let model = ReadModel::of(Users, &history).await;
    model.assert_refused("/users/u1", 410, "USER_DELETED", None).await;
    model.assert_refused("/users/nobody", 404, "USER_NOT_FOUND", None).await;
    assert_eq!(
        model.get("/users/nobody").await.read_position.as_deref(),
        Some("8"),
        "not being there holds at a position"
    );
    assert_eq!(model.listed("/users?q=ada", "id").await, Vec::<String>::new());
    assert_eq!(model.listed("/users?role=admin", "id").await, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_personal_of_a_deleted_user_is_left_in_the_database() {
    let mut history = History::default();
    history.push(
        "u1",
        "user.created",
        json!({"full_name": "Ada Lovelace", "email": "ada@example.org"}),
    );
    history.push("u1", "user.deleted", json!({}));
    let model = ReadModel::empty(Users).await;
    let rows = model.contents(&history.events, &[1]).await["users"].to_string();
    assert!(!rows.to_lowercase().contains("ada"), "{rows}");
}

#[tokio::test]
async fn users_are_listed_by_name_in_the_order_people_expect() {
    let model = ReadModel::of(Users, &some_users()).await;
    let names = ["Ada Lovelace", "Åsa St.Clair", "Grace Hopper", "Jean-Luc O'Brien"];
    assert_eq!(model.listed("/users", "full_name").await, names);
}

#[tokio::test]
async fn a_search_finds_names_by_the_beginnings_of_their_words() {
    let model = ReadModel::of(Users, &some_users()).await;
    let table = [
        ("ada", vec!["u1"]),
        ("LOVE", vec!["u1"]),
        ("lovelace%20ada", vec!["u1"]),
        ("acel", vec![]),
        ("ada%20hopper", vec![]),
        ("luc", vec!["u3"]),
        ("brien", vec!["u3"]),
        ("o'bri", vec!["u3"]),
        ("clair", vec!["u4"]),
        ("%C3%85SA", vec!["u4"]),
        ("", vec!["u1", "u4", "u2", "u3"]),
        ("%20", vec!["u1", "u4", "u2", "u3"]),
        ("%26%7C!", vec![]),
        ("'%3A*%20%26%20!ada", vec!["u1"]),
        ("a%5C'%7C", vec!["u1", "u4"]),
    ];
    for (q, expected) in table {
        assert_eq!(model.listed(&format!("/users?q={q}"), "id").await, expected, "{q}");
    }
}

#[tokio::test]
async fn a_search_can_be_narrowed_to_a_role() {
    let model = ReadModel::of(Users, &some_users()).await;
    assert_eq!(model.listed("/users?role=manager", "id").await, ["u2", "u3"]);
    assert_eq!(model.listed("/users?role=manager&q=grace", "id").await, ["u2"]);
    assert_eq!(model.listed("/users?role=customer", "id").await, Vec::<String>::new());
}

#[tokio::test]
async fn the_email_address_is_not_searched() {
    let mut history = History::default();
    history.push(
        "u1",
        "user.created",
        json!({"full_name": "Ada", "email": "countess@example.org"}),
    );
    let model = ReadModel::of(Users, &history).await;
    assert_eq!(model.listed("/users?q=countess", "id").await, Vec::<String>::new());
}

#[tokio::test]
async fn all_pages_together_have_every_user_once_even_with_equal_names() {
    let mut history = History::default();
    for number in 0..23 {
        history.user(&format!("u{number:02}"), if number % 5 == 0 { "Ada" } else { "Grace" });
    }
    let model = ReadModel::of(Users, &history).await;
    let everyone = model.listed("/users?limit=100", "id").await;
    assert_eq!(everyone.len(), 23);
    for limit in [1, 5, 23] {
        assert_eq!(model.paged("/users", "id", limit).await, everyone, "limit {limit}");
    }
    assert_eq!(
        model.listed("/users", "id").await.len(),
        20,
        "a page is 20 unless said otherwise"
    );
    let graces = model.listed("/users?q=grace&limit=100", "id").await;
    assert_eq!(model.paged("/users?q=grace", "id", 4).await, graces);
}

#[tokio::test]
async fn wrong_parameters_are_refused_by_name() {
    let model = ReadModel::of(Users, &some_users()).await;
    let too_long = format!("/users?q={}", "x".repeat(201));
    let table = [
        ("/users?limit=0", "/limit"),
        ("/users?limit=101", "/limit"),
        ("/users?limit=ten", "/limit"),
        ("/users?limit=", "/limit"),
        ("/users?role=king", "/role"),
        ("/users?role=", "/role"),
        ("/users?q=a%00b", "/q"),
        (too_long.as_str(), "/q"),
        ("/users?page=2", "/page"),
        ("/users?role=admin&role=manager", "/role"),
        ("/users/u1?limit=2", "/limit"),
    ];
    for (path, pointer) in table {
        model.assert_refused(path, 400, "INVALID_QUERY", Some(pointer)).await;
    }
    for path in ["/users/a%00b", "/users/a%20b", "/users/%C3%A5"] {
        model.assert_refused(path, 400, "INVALID_PATH", Some("/id")).await;
    }
    let both = model.get("/users?limit=0&role=king").await.body;
    assert_eq!(both["errors"].as_array().map(Vec::len), Some(2), "{both}");
}

#[tokio::test]
async fn damaged_and_borrowed_cursors_are_refused() {
    let model = ReadModel::of(Users, &some_users()).await;
    let body = model.get("/users?limit=1").await.body;
    let cursor = body["next_cursor"].as_str().expect("a second page");
    model
        .assert_refused("/users?cursor=nonsense", 400, "INVALID_CURSOR", Some("/cursor"))
        .await;
    model
        .assert_refused("/users?cursor=", 400, "INVALID_CURSOR", Some("/cursor"))
        .await;
    model
        .assert_refused(
            &format!("/users?cursor={}", &cursor[1..]),
            400,
            "INVALID_CURSOR",
            Some("/cursor"),
        )
        .await;
    model
        .assert_refused(
            &format!("/users?role=manager&cursor={cursor}"),
            400,
            "INVALID_CURSOR",
            Some("/cursor"),
        )
        .await;
}

#[tokio::test]
async fn every_query_can_ask_for_a_position() {
    let model = ReadModel::in_log(Users, &some_users()).await;
    for path in ["/users/u1?min_position=7", "/users?min_position=7&limit=5&q=ada"] {
        let answered = model.get(path).await;
        assert_eq!(
            (answered.status, answered.read_position.as_deref()),
            (StatusCode::OK, Some("7")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_query_of_tables_that_were_just_dropped_is_to_be_asked_again() {
    let model = ReadModel::of(Users, &some_users()).await;
    let drop = format!("DROP SCHEMA {} CASCADE", model.generation);
    sqlx::raw_sql(&drop).execute(&model.pool).await.expect("no schema");
    for path in ["/users/u1", "/users"] {
        model.assert_refused(path, 503, "READ_MODEL_UNAVAILABLE", None).await;
    }
}
