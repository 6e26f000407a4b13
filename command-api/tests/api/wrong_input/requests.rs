//! Paths, methods, queries and headers that do not fit.

use super::{FORM, JSON, api, assert_refused, case, invalid_path, wrong_header};

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
