//! Values that are not acceptable, and such that are, however they are written.

use serde_json::json;

use super::{FORM, JSON, api, assert_refused, invalid};
use crate::harness::Api;
use crate::movies::metropolis;

#[tokio::test]
async fn values_that_are_not_acceptable() {
    let api = api().await;
    let user = |full_name: &str| api.post("/users").json(&json!({ "full_name": full_name }));
    let email = |email: &str| api.post("/users").json(&json!({ "full_name": "a", "email": email }));
    let movie = |field: &str, value: serde_json::Value| {
        let mut movie = metropolis();
        movie["id"] = json!("another");
        movie[field] = value;
        api.post("/movies").json(&movie)
    };
    let cases = vec![
        invalid(user(""), "/full_name", "TOO_SHORT"),
        invalid(user(" \t\u{a0} "), "/full_name", "TOO_SHORT"),
        invalid(user(&"x".repeat(201)), "/full_name", "TOO_LONG"),
        invalid(user("\u{200d}"), "/full_name", "TOO_SHORT"),
        invalid(user("\u{3164}\u{ad}"), "/full_name", "TOO_SHORT"),
        invalid(movie("title", json!("\u{2800}")), "/title", "TOO_SHORT"),
        invalid(user("a\u{0}b"), "/full_name", "CONTROL_CHARACTER"),
        invalid(user("a\nb"), "/full_name", "CONTROL_CHARACTER"),
        invalid(email("nobody"), "/email", "INVALID_EMAIL"),
        invalid(email("a\u{0}@b.cd"), "/email", "INVALID_EMAIL"),
        invalid(email(""), "/email", "INVALID_EMAIL"),
        invalid(
            api.post("/users").json(&json!({ "id": "a b", "full_name": "a" })),
            "/id",
            "INVALID_ID",
        ),
        invalid(
            api.post("/users")
                .json(&json!({ "id": "x".repeat(65), "full_name": "a" })),
            "/id",
            "INVALID_ID",
        ),
        invalid(
            api.post("/users/1").raw(FORM, "full_name=a%00b"),
            "/full_name",
            "CONTROL_CHARACTER",
        ),
        invalid(
            api.post("/users/1/roles").json(&json!({ "role": "king" })),
            "/role",
            "UNKNOWN_ROLE",
        ),
        invalid(
            movie("runtime_minutes", json!(60_001)),
            "/runtime_minutes",
            "OUT_OF_RANGE",
        ),
        invalid(movie("runtime_minutes", json!(-1)), "/runtime_minutes", "OUT_OF_RANGE"),
        invalid(movie("runtime_minutes", json!(1.5)), "/runtime_minutes", "INVALID_TYPE"),
        invalid(
            movie("runtime_minutes", json!(1e30)),
            "/runtime_minutes",
            "INVALID_VALUE",
        ),
        invalid(
            movie("runtime_minutes", json!("153")),
            "/runtime_minutes",
            "INVALID_TYPE",
        ),
        invalid(movie("synopsis", json!("a\u{0}b")), "/synopsis", "CONTROL_CHARACTER"),
        invalid(movie("age_rating", json!("13")), "/age_rating", "UNKNOWN_AGE_RATING"),
        invalid(movie("genres", json!(["drama", 7])), "/genres/1", "INVALID_TYPE"),
        invalid(movie("genres", json!(["drama", "Noir"])), "/genres/1", "INVALID_GENRE"),
        invalid(movie("genres", json!(["drama", "drama"])), "/genres", "DUPLICATE_GENRE"),
        invalid(movie("genres", json!(vec!["!"; 5_000])), "/genres", "TOO_LONG"),
        invalid(movie("id", json!("premieres")), "/id", "RESERVED_ID"),
        invalid(
            movie("premiere_date", json!("10.01.1927")),
            "/premiere_date",
            "INVALID_DATE",
        ),
        invalid(
            movie("premiere_date", json!("1927-02-29")),
            "/premiere_date",
            "INVALID_DATE",
        ),
    ];
    assert_refused(&api, cases).await;
}

#[tokio::test]
async fn a_whole_number_is_one_however_it_is_written() {
    let api = Api::start().await;
    for (number, written) in ["90", "90.0", "9e1", "0.9E2"].into_iter().enumerate() {
        let mut movie = metropolis();
        movie["id"] = json!(format!("m{number}"));
        movie["runtime_minutes"] = json!(7);
        let body = movie
            .to_string()
            .replace(":7,", &format!(":{written},"))
            .replace(":7}", &format!(":{written}}}"));
        assert!(body.contains(written), "{body}");
        let answer = api.post("/movies").raw(JSON, body).accepted().await;
        assert_eq!(answer.body["runtime_minutes"].to_string(), "90", "{written}");
    }
}

#[tokio::test]
async fn wrong_types_and_wrong_values_are_told_at_once_and_each_field_once() {
    let api = Api::start().await;
    let movie = json!({
        "id": "a b", "title": "", "runtime_minutes": "90", "age_rating": "13", "year": 1927,
        "genres": ["drama", 7, "Noir", "drama"], "credits": [{ "name": 7, "role": "?" }], "premiere_date": "1927-13",
        "ratings": 7, "new_release": "yes",
    });
    let cinema = json!({ "id": 7, "name": "", "city_id": "b c", "address": null });
    let role = json!({ "role": "emperor", "since": 1 });
    let table = [
        (
            api.post("/movies").json(&movie),
            vec![
                ("/age_rating", "UNKNOWN_AGE_RATING"),
                ("/credits/0/name", "INVALID_TYPE"),
                ("/credits/0/role", "INVALID_ROLE"),
                ("/genres/1", "INVALID_TYPE"),
                ("/genres/2", "INVALID_GENRE"),
                ("/id", "INVALID_ID"),
                ("/new_release", "INVALID_TYPE"),
                ("/premiere_date", "INVALID_DATE"),
                ("/ratings", "INVALID_TYPE"),
                ("/runtime_minutes", "INVALID_TYPE"),
                ("/title", "TOO_SHORT"),
                ("/year", "UNKNOWN_FIELD"),
            ],
        ),
        (
            api.post("/cinemas").json(&cinema),
            vec![
                ("/address", "INVALID_TYPE"),
                ("/city_id", "INVALID_ID"),
                ("/id", "INVALID_TYPE"),
                ("/name", "TOO_SHORT"),
                ("/time_zone", "REQUIRED"),
            ],
        ),
        (
            api.post("/users").json(&json!({ "full_name": "", "email": 7 })),
            vec![("/email", "INVALID_TYPE"), ("/full_name", "TOO_SHORT")],
        ),
        (
            api.post("/users/1").json(&json!({ "email": 7 })),
            vec![("/email", "INVALID_TYPE")],
        ),
        (
            api.post("/users/1").raw(FORM, "full_name=%07&shoe=7"),
            vec![("/full_name", "CONTROL_CHARACTER"), ("/shoe", "UNKNOWN_FIELD")],
        ),
        (
            api.post("/users/1/roles").json(&role),
            vec![("/role", "UNKNOWN_ROLE"), ("/since", "UNKNOWN_FIELD")],
        ),
    ];
    for (request, expected) in table {
        let mut told = request.refused(422, "VALIDATION_FAILED").await.field_errors();
        told.sort();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
            .collect();
        assert_eq!(told, expected);
    }
    assert!(api.events().await.is_empty(), "nothing of it was accepted");
}

#[tokio::test]
async fn a_field_of_a_form_that_is_left_empty_is_not_given() {
    let api = Api::start().await;
    let answer = api
        .post("/users/1")
        .raw(FORM, "full_name=usama&email=")
        .accepted()
        .await;
    assert_eq!(answer.body["email"], json!(null));
    let answer = api
        .post("/users/1")
        .raw(FORM, "full_name=&email=u%40example.org")
        .accepted()
        .await;
    assert_eq!(
        (&answer.body["full_name"], &answer.body["email"]),
        (&json!("usama"), &json!("u@example.org"))
    );
    let answer = api
        .post("/users/1")
        .raw(FORM, "full_name=other&email=")
        .accepted()
        .await;
    assert_eq!(answer.body["email"], json!("u@example.org"), "and is as it was");
    let cases = vec![
        invalid(
            api.post("/users/1").raw(FORM, "full_name=&email="),
            "/full_name",
            "REQUIRED",
        ),
        invalid(
            api.post("/users/1").raw(FORM, "full_name=a&nickname="),
            "/nickname",
            "UNKNOWN_FIELD",
        ),
        invalid(
            api.post("/users/1").raw(FORM, "email=&email=a%40b.c"),
            "/email",
            "DUPLICATE_FIELD",
        ),
        invalid(
            api.post("/users/1").json(&json!({ "email": "" })),
            "/email",
            "INVALID_EMAIL",
        ),
    ];
    assert_refused(&api, cases).await;
}

#[tokio::test]
async fn a_cinema_stands_in_a_place_and_not_in_an_offset() {
    let api = Api::start().await;
    let cinema = |time_zone: &str| {
        let body = json!({ "name": "Odeon", "city_id": "berlin", "address": "a", "time_zone": time_zone });
        api.post("/cinemas").json(&body)
    };
    let zones = [
        "UTC",
        "GMT",
        "Etc/UTC",
        "Etc/GMT+3",
        "EST",
        "MST",
        "HST",
        "Zulu",
        "Factory",
        "Etc/Unknown",
        "+02:00",
    ];
    let cases = zones.map(|zone| invalid(cinema(zone), "/time_zone", "UNKNOWN_TIME_ZONE"));
    assert_refused(&api, cases.into()).await;
    for zone in ["America/Vancouver", "Asia/Calcutta", "America/Coyhaique"] {
        cinema(zone).accepted().await;
    }
}
