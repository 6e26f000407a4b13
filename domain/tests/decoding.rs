//! Reading stored payloads: what is unknown is told from what is damaged, and history is never judged by today's rules.

#![allow(clippy::panic, reason = "a helper that fails is a test that fails")]

use std::error::Error;

use domain::{DecodeError, Envelope, Event, KNOWN_EVENTS, Metadata, MovieEvent, Position, Sequence, UserEvent};
use serde_json::{Value, json};
use uuid::Uuid;

fn decode(event_type: &str, event_version: &str, payload: Value) -> Result<Event, DecodeError> {
    Event::decode(event_type, event_version, &payload.to_string())
}

fn expect_unknown(event_type: &str, event_version: &str) {
    let payload = json!({"type": event_type, "full_name": "usama"});
    match decode(event_type, event_version, payload) {
        Err(DecodeError::Unknown {
            event_type: told_type,
            event_version: told_version,
        }) => {
            assert_eq!((told_type.as_str(), told_version.as_str()), (event_type, event_version));
        }
        other => panic!("{event_type} version {event_version} should be unknown: {other:?}"),
    }
}

#[track_caller]
fn expect_malformed(event_type: &str, event_version: &str, payload: &str) {
    match Event::decode(event_type, event_version, payload) {
        Err(error @ DecodeError::Malformed { .. }) => assert!(error.source().is_some()),
        other => panic!("{payload} should be malformed: {other:?}"),
    }
}

#[test]
fn an_event_type_of_newer_code_is_unknown() {
    for event_type in [
        "user.renamed",
        "screening.scheduled",
        "user",
        "user.",
        "",
        "user.created ",
        "USER.CREATED",
    ] {
        expect_unknown(event_type, "1");
    }
}

#[test]
fn a_version_of_newer_code_is_unknown() {
    for version in ["2", "0", "", "1.0", "01", "v1"] {
        expect_unknown("user.created", version);
    }
    expect_unknown("movie.announced", "4");
}

#[test]
fn fields_that_the_event_does_not_have_are_passed_over() {
    let payload = json!({"id": "1", "type": "user.deleted", "reason": {"text": "asked for it"}});
    assert_eq!(
        decode("user.deleted", "1", payload).unwrap(),
        Event::User(UserEvent::Deleted {})
    );
}

#[test]
fn a_missing_field_is_malformed() {
    expect_malformed("user.created", "1", r#"{"type": "user.created"}"#);
    expect_malformed("cinema.opened", "1", r#"{"type": "cinema.opened", "name": "Rex"}"#);
}

#[test]
fn a_field_of_another_type_is_malformed() {
    expect_malformed("user.created", "1", r#"{"type": "user.created", "full_name": 1}"#);
    expect_malformed(
        "user.roles.granted",
        "1",
        r#"{"type": "user.roles.granted", "role": "emperor"}"#,
    );
    expect_malformed(
        "movie.premiere.rescheduled",
        "1",
        r#"{"type": "movie.premiere.rescheduled", "premiere_date": "1927-02-30"}"#,
    );
}

#[test]
fn a_payload_of_another_type_than_its_event_is_malformed() {
    expect_malformed("user.created", "1", r#"{"type": "user.deleted"}"#);
    expect_malformed("user.created", "1", r#"{"type": "movie.withdrawn"}"#);
    expect_malformed("user.created", "1", r#"{"full_name": "usama"}"#);
}

#[test]
fn whatever_is_not_an_object_is_malformed() {
    for (event_type, version) in KNOWN_EVENTS {
        let array = format!(r#"["{event_type}"]"#);
        for payload in ["", "null", "1", "{", "[]", "\"user.deleted\"", array.as_str(), "{}{}"] {
            expect_malformed(event_type, version, payload);
        }
    }
}

#[test]
fn an_old_version_that_lacks_what_its_upcaster_needs_is_malformed() {
    let announced = |genre: Value| {
        json!({
            "type": "movie.announced", "title": "Solaris", "synopsis": "", "runtime_minutes": 166,
            "age_rating": "12", "premiere_date": "1972-03-20", "genre": genre,
        })
        .to_string()
    };
    assert!(Event::decode("movie.announced", "1", &announced(json!("Drama"))).is_ok());
    expect_malformed("movie.announced", "1", &announced(json!(["Drama"])));
    expect_malformed("movie.announced", "1", &announced(Value::Null));
    expect_malformed("movie.announced", "2", &announced(json!("Drama")));
}

#[test]
fn history_loads_whatever_the_rules_of_today_are() {
    let long = "x".repeat(300);
    let Event::User(UserEvent::Created { full_name, email }) = decode(
        "user.created",
        "1",
        json!({"type": "user.created", "full_name": long, "email": ""}),
    )
    .unwrap() else {
        panic!("another event")
    };
    assert_eq!((full_name.as_str(), email.unwrap().as_str()), (long.as_str(), ""));

    let Event::Movie(MovieEvent::DetailsUpdated(details)) = decode(
        "movie.details.updated",
        "1",
        json!({
            "type": "movie.details.updated", "title": "", "synopsis": "", "runtime_minutes": 0,
            "age_rating": "all", "genres": ["Film Noir", "Film Noir"],
        }),
    )
    .unwrap() else {
        panic!("another event")
    };
    let minutes = details.runtime_minutes.unwrap().minutes();
    assert_eq!((minutes, details.genres.as_slice().len()), (0, 2));
}

#[test]
fn an_absent_email_address_and_one_that_is_null_are_the_same() {
    let absent = decode(
        "user.created",
        "1",
        json!({"type": "user.created", "full_name": "usama"}),
    )
    .unwrap();
    let null = decode(
        "user.created",
        "1",
        json!({"type": "user.created", "full_name": "usama", "email": null}),
    );
    assert_eq!(absent, null.unwrap());
}

#[test]
fn an_envelope_decodes_its_payload() {
    let envelope = Envelope {
        log_id: Uuid::nil(),
        position: Position(7),
        event_id: Uuid::nil(),
        aggregate_type: "user".into(),
        aggregate_id: "1".into(),
        sequence: Sequence(3),
        event_type: "user.logged_in".into(),
        event_version: "1".into(),
        payload: r#"{"id": "1", "type": "user.logged_in"}"#.into(),
        metadata: Metadata::default(),
        recorded_at: chrono::DateTime::UNIX_EPOCH,
    };
    assert_eq!(envelope.decode().unwrap(), Event::User(UserEvent::LoggedIn {}));
}

#[test]
fn the_message_of_a_failure_does_not_repeat_its_source() {
    let error = Event::decode("user.created", "1", "{").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the payload of user.created version 1 cannot be read"
    );
}

#[test]
fn absent_metadata_is_left_out() {
    let metadata = Metadata {
        principal: Some("anonymous".into()),
        ..Metadata::default()
    };
    let text = serde_json::to_string(&metadata).unwrap();
    assert_eq!(text, r#"{"principal":"anonymous"}"#);
    assert_eq!(serde_json::from_str::<Metadata>(&text).unwrap(), metadata);
}
