//! Wrong input of every kind: the right status, a problem that names the field, nothing written.

use serde_json::json;

use crate::harness::{Api, Request};
use crate::movies::metropolis;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// What is sent, and what must be answered: status, code, and pointer and code of the wrong field.
struct Case {
    request: Request,
    status: u16,
    code: &'static str,
    field: Option<(&'static str, &'static str)>,
}

fn case(request: Request, status: u16, code: &'static str) -> Case {
    Case {
        request,
        status,
        code,
        field: None,
    }
}

fn invalid(request: Request, pointer: &'static str, code: &'static str) -> Case {
    Case {
        request,
        status: 422,
        code: "VALIDATION_FAILED",
        field: Some((pointer, code)),
    }
}

fn invalid_path(request: Request, pointer: &'static str, code: &'static str) -> Case {
    Case {
        request,
        status: 400,
        code: "INVALID_PATH",
        field: Some((pointer, code)),
    }
}

fn wrong_header(request: Request, code: &'static str, pointer: &'static str) -> Case {
    Case {
        request,
        status: 400,
        code,
        field: Some((pointer, "INVALID_VALUE")),
    }
}

/// An API with a user, a movie and a cinema, which the wrong requests are about.
async fn api() -> Api {
    let api = Api::start().await;
    api.post("/users")
        .header("idempotency-key", "used")
        .json(&json!({ "id": "1", "full_name": "usama" }))
        .accepted()
        .await;
    api.post("/movies").json(&metropolis()).accepted().await;
    let cinema = json!({ "id": "babylon", "name": "Babylon", "city_id": "berlin", "address": "a", "time_zone": "Europe/Berlin" });
    api.post("/cinemas").json(&cinema).accepted().await;
    api
}

async fn assert_refused(api: &Api, cases: Vec<Case>) {
    let before = api.events().await.len();
    for Case {
        request,
        status,
        code,
        field,
    } in cases
    {
        let answer = request.refused(status, code).await;
        if let Some((pointer, code)) = field {
            assert_eq!(
                answer.field_errors(),
                [(pointer.to_owned(), code.to_owned())],
                "{answer:?}"
            );
        }
    }
    assert_eq!(api.events().await.len(), before, "nothing is written");
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let api = api().await;
    let post = |content_type: &str, body: &[u8]| api.post("/users").raw(content_type, body.to_vec());
    let oversized = format!(r#"{{"full_name":"{}"}}"#, "x".repeat(64 * 1024));
    let cases = vec![
        case(post(JSON, b"{\"full_name\":"), 400, "MALFORMED_JSON"),
        case(post(JSON, b"{\"full_name\":7,"), 400, "MALFORMED_JSON"),
        case(post(JSON, b"{'full_name':'a'}"), 400, "MALFORMED_JSON"),
        case(post(JSON, b"{\"full_name\":\"a\"}{}"), 400, "MALFORMED_JSON"),
        case(post(JSON, b""), 400, "MALFORMED_JSON"),
        case(post(JSON, b"{\"full_name\":\"\xff\xfe\"}"), 400, "INVALID_UTF8"),
        case(post(JSON, b"{\"full_name\":\"\xed\xa0\x80\"}"), 400, "INVALID_UTF8"),
        case(post(JSON, &"[".repeat(30_000).into_bytes()), 400, "MALFORMED_JSON"),
        case(post(JSON, oversized.as_bytes()), 413, "BODY_TOO_LARGE"),
        case(
            post("text/plain", b"{\"full_name\":\"a\"}"),
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        case(post(FORM, b"full_name=a"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        case(api.post("/users/1").raw(FORM, "full_name=%ff"), 400, "MALFORMED_FORM"),
        case(
            api.post("/users/1").raw("multipart/form-data", "full_name=a"),
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        case(
            api.delete("/users/1").raw(JSON, oversized.clone()),
            413,
            "BODY_TOO_LARGE",
        ),
    ];
    assert_refused(&api, cases).await;
}

#[tokio::test]
async fn bodies_of_the_wrong_shape() {
    let api = api().await;
    let post = |body: &str| api.post("/users").raw(JSON, body.to_owned());
    let cases = vec![
        invalid(
            post(r#"{"full_name":"a","nickname":"b"}"#),
            "/nickname",
            "UNKNOWN_FIELD",
        ),
        invalid(
            post(r#"{"full_name":"a","Full_Name":"b"}"#),
            "/Full_Name",
            "UNKNOWN_FIELD",
        ),
        invalid(
            post(r#"{"full_name":"a","full_name":"b"}"#),
            "/full_name",
            "DUPLICATE_FIELD",
        ),
        invalid(post(r#"{"email":"a@b.cd"}"#), "/full_name", "REQUIRED"),
        invalid(post(r#"{"full_name":null}"#), "/full_name", "INVALID_TYPE"),
        invalid(post(r#"{"full_name":7}"#), "/full_name", "INVALID_TYPE"),
        invalid(post(r#"{"full_name":["a"]}"#), "/full_name", "INVALID_TYPE"),
        invalid(post(r#"{"full_name":"a","id":1}"#), "/id", "INVALID_TYPE"),
        invalid(post(r#"["usama"]"#), "", "INVALID_TYPE"),
        invalid(post("null"), "", "INVALID_TYPE"),
        invalid(
            api.post("/users/1").raw(FORM, "nickname=a"),
            "/nickname",
            "UNKNOWN_FIELD",
        ),
        invalid(
            api.post("/users/1").raw(FORM, "full_name=a&full_name=b"),
            "/full_name",
            "DUPLICATE_FIELD",
        ),
        invalid(api.post("/users/1").raw(FORM, ""), "/full_name", "REQUIRED"),
        invalid(api.post("/users/1/roles").json(&json!({})), "/role", "REQUIRED"),
        invalid(
            api.put("/movies/metropolis/premiere")
                .json(&json!({ "premiere_date": 19270110 })),
            "/premiere_date",
            "INVALID_TYPE",
        ),
    ];
    assert_refused(&api, cases).await;
}

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
async fn everything_of_the_wrong_type_is_told_at_once() {
    let api = Api::start().await;
    let body = json!({ "id": 7, "title": null, "synopsis": [], "runtime_minutes": "90", "age_rating": 12, "genres": ["drama", 7, {}], "year": 1927 });
    let answer = api.post("/movies").json(&body).refused(422, "VALIDATION_FAILED").await;
    let mut told: Vec<(String, String)> = answer.field_errors();
    told.sort();
    let expected = [
        ("/age_rating", "INVALID_TYPE"),
        ("/genres/1", "INVALID_TYPE"),
        ("/genres/2/label", "REQUIRED"),
        ("/id", "INVALID_TYPE"),
        ("/runtime_minutes", "INVALID_TYPE"),
        ("/synopsis", "INVALID_TYPE"),
        ("/title", "INVALID_TYPE"),
        ("/year", "UNKNOWN_FIELD"),
    ];
    assert_eq!(
        told,
        expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
    );
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

#[tokio::test]
async fn a_query_that_no_command_knows_is_refused() {
    let api = api().await;
    let answer = api
        .post("/users/1/logins?min_position=1&as=ada&as=bob")
        .refused(400, "INVALID_QUERY")
        .await;
    let pointers: Vec<String> = answer.field_errors().into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(pointers, ["/as", "/min_position", "/as"]);
    api.client
        .request("GET", "/event-store?q=a")
        .refused(400, "INVALID_QUERY")
        .await;
    api.post("/users/1/logins?").accepted().await;
    assert_eq!(
        api.client.request("GET", "/livez?at=1").status().await,
        200,
        "whatever probes add"
    );
}

#[tokio::test]
async fn paths_and_methods_that_lead_nowhere() {
    let api = api().await;
    let long = format!("/users/{}/logins", "x".repeat(65));
    let cases = vec![
        invalid_path(api.post("/users/a%20b/logins"), "/id", "INVALID_ID"),
        invalid_path(api.post("/users/a%00b/logins"), "/id", "INVALID_ID"),
        invalid_path(api.post("/users/%E2%98%83/logins"), "/id", "INVALID_ID"),
        invalid_path(api.post(&long), "/id", "INVALID_ID"),
        invalid_path(api.delete("/users/1/roles/king"), "/role", "UNKNOWN_ROLE"),
        invalid_path(api.put("/cinemas/babylon/programme/a%20b"), "/movie_id", "INVALID_ID"),
        invalid_path(api.post("/users/%FF/logins"), "/id", "INVALID_UTF8"),
        case(api.post("/users/none/logins"), 404, "USER_NOT_FOUND"),
        case(api.delete("/movies/none"), 404, "MOVIE_NOT_FOUND"),
        case(api.delete("/cinemas/none"), 404, "CINEMA_NOT_FOUND"),
        case(api.post("/nothing"), 404, "NOT_FOUND"),
        case(api.post("/users/1/"), 404, "NOT_FOUND"),
        case(api.put("/users"), 405, "METHOD_NOT_ALLOWED"),
        case(api.client.request("PATCH", "/users/1"), 405, "METHOD_NOT_ALLOWED"),
        case(
            api.client.request("GET", "/movies/metropolis/details"),
            405,
            "METHOD_NOT_ALLOWED",
        ),
    ];
    assert_refused(&api, cases).await;
    let answer = api.client.request("PATCH", "/users/1").send().await;
    let allow = answer.header("allow").unwrap();
    assert!(allow.contains("POST") && allow.contains("DELETE"), "{allow}");
}

#[tokio::test]
async fn headers_that_do_not_fit() {
    let api = api().await;
    let login = |name: &str, value: &str| api.post("/users/1/logins").header(name, value);
    let cases = vec![
        case(login("if-match", "\"7\""), 412, "PRECONDITION_FAILED"),
        case(login("if-match", "W/\"1\""), 412, "PRECONDITION_FAILED"),
        wrong_header(login("if-match", "seven"), "INVALID_IF_MATCH", "/If-Match"),
        wrong_header(
            login("if-none-match", "seven"),
            "INVALID_IF_NONE_MATCH",
            "/If-None-Match",
        ),
        wrong_header(
            login("idempotency-key", "a").header("idempotency-key", "a"),
            "INVALID_IDEMPOTENCY_KEY",
            "/Idempotency-Key",
        ),
        case(
            api.post("/users")
                .raw(JSON, r#"{"full_name":"a"}"#)
                .header("content-type", FORM),
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        case(login("idempotency-key", "used"), 422, "IDEMPOTENCY_KEY_REUSED"),
        wrong_header(
            login("idempotency-key", "two words"),
            "INVALID_IDEMPOTENCY_KEY",
            "/Idempotency-Key",
        ),
    ];
    assert_refused(&api, cases).await;
}
