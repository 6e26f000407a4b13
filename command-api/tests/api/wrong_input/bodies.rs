//! Bodies that are not what was announced, and such that have another shape.

use serde_json::json;

use super::{FORM, JSON, api, assert_refused, case, invalid};
use crate::harness::Api;

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
