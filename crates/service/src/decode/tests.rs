//! What is told of wrong bodies, forms and queries.

use serde::Deserialize;

use serde::de::DeserializeOwned;

use super::{Draft, FieldError, Problem, query, unknown_parameters};

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    super::json(body).and_then(Draft::whole)
}

fn form<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    super::form(body).and_then(Draft::whole)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    full_name: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    ages: Vec<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    limit: Option<u32>,
}

fn fault<T: std::fmt::Debug>(result: Result<T, Problem>) -> (u16, &'static str, Option<(String, &'static str)>) {
    let problem = result.unwrap_err();
    let field = problem
        .errors
        .first()
        .map(|FieldError { pointer, code, .. }| (pointer.clone(), *code));
    (problem.status().as_u16(), problem.code(), field)
}

fn at(pointer: &str, code: &'static str) -> (u16, &'static str, Option<(String, &'static str)>) {
    (422, "VALIDATION_FAILED", Some((pointer.to_owned(), code)))
}

#[test]
fn what_is_wrong_with_json_is_told_at_its_field() {
    let table = [
        (r#"{"full_name":"a","nickname":"b"}"#, at("/nickname", "UNKNOWN_FIELD")),
        (r#"{"full_name":"a","a/b~c":"b"}"#, at("/a~1b~0c", "UNKNOWN_FIELD")),
        (r#"{"full_name":"a","ada@b.c":"b"}"#, at("", "UNKNOWN_FIELD")),
        (r#"{"full_name":"a","Ada Lovelace":"b"}"#, at("", "UNKNOWN_FIELD")),
        (r#"{"full_name":7}"#, at("/full_name", "INVALID_TYPE")),
        (r#"{"full_name":null}"#, at("/full_name", "INVALID_TYPE")),
        (r#"{"email":"a@b.c"}"#, at("/full_name", "REQUIRED")),
        (
            r#"{"full_name":"a","full_name":"b"}"#,
            at("/full_name", "DUPLICATE_FIELD"),
        ),
        (r#"{"full_name":"a","ages":[1,"x"]}"#, at("/ages/1", "INVALID_TYPE")),
        (r#"{"full_name":"a","ages":[300]}"#, at("/ages/0", "INVALID_VALUE")),
        (r#"{"full_name":"\ud800"}"#, at("/full_name", "INVALID_VALUE")),
        (r#"["usama"]"#, at("", "INVALID_TYPE")),
        (r#""usama""#, at("", "INVALID_TYPE")),
    ];
    for (body, expected) in table {
        assert_eq!(fault(json::<Person>(body.as_bytes())), expected, "{body}");
    }
}

#[test]
fn text_that_is_not_json_is_malformed_wherever_it_breaks() {
    for body in [
        "",
        "{",
        r#"{"full_name":7,"#,
        r#"{"full_name":"a"} x"#,
        "{full_name:1}",
        "nul",
    ] {
        assert_eq!(
            fault(json::<Person>(body.as_bytes())),
            (400, "MALFORMED_JSON", None),
            "{body}"
        );
    }
    assert_eq!(
        fault(json::<Person>(&"[".repeat(60_000).into_bytes())),
        (400, "MALFORMED_JSON", None)
    );
}

#[test]
fn invalid_utf8_is_told() {
    assert_eq!(
        fault(json::<Person>(b"{\"full_name\":\"\xff\"}")),
        (400, "INVALID_UTF8", None)
    );
    let field = |pointer: &str| Some((pointer.to_owned(), "INVALID_UTF8"));
    for body in [&b"full_name=%ff"[..], b"email=a&full_name=\xff"] {
        assert_eq!(
            fault(form::<Person>(body)),
            (400, "MALFORMED_FORM", field("/full_name"))
        );
    }
    assert_eq!(
        fault(query::<Page>("limit=%ff")),
        (400, "INVALID_QUERY", field("/limit"))
    );
}

#[test]
fn what_is_wrong_with_a_form_is_told_at_its_field() {
    assert_eq!(
        fault(form::<Person>(b"full_name=a&nickname=b")),
        at("/nickname", "UNKNOWN_FIELD")
    );
    assert_eq!(
        fault(form::<Person>(b"full_name=a&full_name=b")),
        at("/full_name", "DUPLICATE_FIELD")
    );
    assert_eq!(fault(form::<Person>(b"")), at("/full_name", "REQUIRED"));
}

#[test]
fn a_form_is_decoded() {
    let person: Person = form("full_name=Usama+%C3%A4%25&email=a%40b.c".as_bytes()).unwrap();
    assert_eq!(person.full_name, "Usama ä%");
    assert_eq!(person.email.as_deref(), Some("a@b.c"));
    assert_eq!(person.ages, Vec::<u8>::new());
}

#[test]
fn what_is_wrong_with_a_query_is_told_by_the_parameters_name() {
    let invalid = |pointer: &str, code| (400, "INVALID_QUERY", Some((pointer.to_owned(), code)));
    assert_eq!(fault(query::<Page>("limit=many")), invalid("/limit", "INVALID_VALUE"));
    assert_eq!(fault(query::<Page>("page=2")), invalid("/page", "UNKNOWN_FIELD"));
    assert_eq!(query::<Page>("limit=5").unwrap().limit, Some(5));
}

#[test]
fn what_is_repeated_to_the_client_is_short() {
    let body = format!(r#"{{"full_name":"a","{}":1}}"#, "x".repeat(50_000));
    let problem = json::<Person>(body.as_bytes()).unwrap_err();
    assert!(problem.errors[0].pointer.len() < 300 && problem.errors[0].detail.len() < 300);
}

fn faults<T: std::fmt::Debug>(result: Result<T, Problem>) -> Vec<(String, &'static str)> {
    let errors = result.unwrap_err().errors;
    errors.into_iter().map(|error| (error.pointer, error.code)).collect()
}

fn pairs(expected: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    let pairs = expected.iter().map(|(pointer, code)| ((*pointer).to_owned(), *code));
    pairs.collect()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nested {
    #[serde(default)]
    size: Option<i64>,
    #[serde(default)]
    ratio: Option<f64>,
    #[serde(default)]
    #[expect(dead_code, reason = "only the failure to decode it matters")]
    is_open: bool,
    #[serde(default)]
    #[expect(dead_code, reason = "only the failure to decode it matters")]
    owner: Option<Person>,
    #[serde(default)]
    #[expect(dead_code, reason = "only the failure to decode it matters")]
    people: Vec<Person>,
}

#[test]
fn everything_of_the_wrong_shape_is_told_at_once() {
    let table: [(&str, &[(&str, &'static str)]); 7] = [
        (
            r#"{"full_name":7,"email":[],"ages":"x"}"#,
            &[
                ("/full_name", "INVALID_TYPE"),
                ("/email", "INVALID_TYPE"),
                ("/ages", "INVALID_TYPE"),
            ],
        ),
        (
            r#"{"ages":["x",1,null,300,1.5]}"#,
            &[
                ("/ages/0", "INVALID_TYPE"),
                ("/ages/2", "INVALID_TYPE"),
                ("/ages/3", "INVALID_VALUE"),
                ("/ages/4", "INVALID_TYPE"),
                ("/full_name", "REQUIRED"),
            ],
        ),
        (
            r#"{"nickname":1,"email":1,"shoe":1}"#,
            &[
                ("/nickname", "UNKNOWN_FIELD"),
                ("/email", "INVALID_TYPE"),
                ("/shoe", "UNKNOWN_FIELD"),
                ("/full_name", "REQUIRED"),
            ],
        ),
        (
            r#"{"email":"a","email":1,"email":2,"full_name":true}"#,
            &[("/email", "DUPLICATE_FIELD"), ("/full_name", "INVALID_TYPE")],
        ),
        (r#"{"full_name":"a","ages":{"0":1}}"#, &[("/ages", "INVALID_TYPE")]),
        (
            r#"{"full_name":{"a":1,"a":2}}"#,
            &[("/full_name/a", "DUPLICATE_FIELD"), ("/full_name", "INVALID_TYPE")],
        ),
        ("{}", &[("/full_name", "REQUIRED")]),
    ];
    for (body, expected) in table {
        assert_eq!(faults(json::<Person>(body.as_bytes())), pairs(expected), "{body}");
    }
}

#[test]
fn what_is_wrong_is_told_at_any_depth() {
    let body = r#"{"is_open":"yes","ratio":"half","size":[],"owner":{"full_name":1,"x":2},
        "people":[{"full_name":"a"},{},7,["a","b",[]]]}"#;
    let expected = [
        ("/is_open", "INVALID_TYPE"),
        ("/ratio", "INVALID_TYPE"),
        ("/size", "INVALID_TYPE"),
        ("/owner/full_name", "INVALID_TYPE"),
        ("/owner/x", "UNKNOWN_FIELD"),
        ("/people/1/full_name", "REQUIRED"),
        ("/people/2", "INVALID_TYPE"),
        ("/people/3", "INVALID_TYPE"),
    ];
    assert_eq!(faults(json::<Nested>(body.as_bytes())), pairs(&expected));
}

#[test]
fn what_is_told_is_bounded() {
    let body = format!(r#"{{"ages":[{}1]}}"#, "null,".repeat(10_000));
    assert_eq!(faults(json::<Person>(body.as_bytes())).len(), 100);
    let deep = format!(r#"{{"full_name":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    let told = faults(json::<Person>(deep.as_bytes()));
    assert!(
        told.len() == 1 && told[0].0.starts_with("/full_name") && told[0].0.len() < 50,
        "{told:?}"
    );
}

#[test]
fn a_whole_number_is_one_however_it_is_written() {
    let size = |number: &str| json::<Nested>(format!(r#"{{"size":{number}}}"#).as_bytes());
    let whole = [
        ("90", 90),
        ("90.0", 90),
        ("9e1", 90),
        ("9.0E+1", 90),
        ("900e-1", 90),
        ("-0.0", 0),
        ("-3.0", -3),
        ("1e15", 1_000_000_000_000_000),
    ];
    for (number, expected) in whole {
        assert_eq!(size(number).unwrap().size, Some(expected), "{number}");
    }
    for (number, code) in [
        ("90.5", "INVALID_TYPE"),
        ("1e-1", "INVALID_TYPE"),
        ("1e20", "INVALID_VALUE"),
        ("-1e300", "INVALID_VALUE"),
        ("99999999999999999999", "INVALID_VALUE"),
        ("9223372036854775808", "INVALID_VALUE"),
        (r#""90""#, "INVALID_TYPE"),
        ("true", "INVALID_TYPE"),
    ] {
        assert_eq!(faults(size(number)), pairs(&[("/size", code)]), "{number}");
    }
    let ages = json::<Person>(br#"{"full_name":"a","ages":[1.0,2e1,255.0]}"#)
        .unwrap()
        .ages;
    assert_eq!(ages, [1, 20, 255]);
    assert_eq!(
        json::<Nested>(br#"{"ratio":1}"#).unwrap().ratio,
        Some(1.0),
        "and a number is a number"
    );
}

#[test]
fn a_field_of_a_form_that_is_left_empty_is_not_given() {
    let person: Person = form(b"full_name=a&email=&ages=").unwrap();
    assert_eq!((person.email, person.ages), (None, vec![]));
    assert_eq!(
        faults(form::<Person>(b"full_name=&email=a")),
        pairs(&[("/full_name", "REQUIRED")])
    );
    let expected = [
        ("/email", "DUPLICATE_FIELD"),
        ("/nickname", "UNKNOWN_FIELD"),
        ("/shoe", "UNKNOWN_FIELD"),
        ("/full_name", "REQUIRED"),
    ];
    assert_eq!(
        faults(form::<Person>(b"nickname=&email=&email=a&shoe=1")),
        pairs(&expected)
    );
}

#[test]
fn every_wrong_parameter_of_a_query_is_told() {
    let expected = [
        ("/limit", "DUPLICATE_FIELD"),
        ("/page", "UNKNOWN_FIELD"),
        ("/q", "UNKNOWN_FIELD"),
    ];
    assert_eq!(faults(query::<Page>("page=2&limit=1&limit=2&q=")), pairs(&expected));
    let unknown = unknown_parameters("page=2&limit=1&limit=2&q=", &["limit".to_owned()]);
    let unknown: Vec<_> = unknown.into_iter().map(|error| (error.pointer, error.code)).collect();
    assert_eq!(unknown, pairs(&expected));
    assert_eq!(unknown_parameters("", &[]), []);
}
