//! The audit finds what is broken, names it, and calls a sound store sound.

use std::collections::HashSet;
use std::sync::Mutex;

use domain::Position;
use event_store::{Finding, LogAudit, audit};
use sqlx::{Connection, PgConnection};

use crate::setup::{Log, accepted, keyed, set_profile};

async fn audited_as(log: &Log, role: &str) -> LogAudit {
    let mut connection = PgConnection::connect(log.url_as(role).expose()).await.expect("connect");
    audit(&mut connection, &HashSet::new(), &|_, _| {})
        .await
        .expect("an audit")
}

async fn findings(log: &Log) -> Vec<Finding> {
    let audit = audited_as(log, "marquee_event_relay").await;
    audit.parts.into_iter().flat_map(|part| part.findings).collect()
}

/// Four commands, seven events, one key.
async fn filled() -> Log {
    let log = Log::create().await;
    let process = log.process();
    accepted(process.execute_with("1", set_profile("Ada"), keyed("1", "hash")).await);
    accepted(process.execute("2", set_profile("Bob")).await);
    accepted(process.execute("3", set_profile("Eve")).await);
    accepted(process.execute("1", set_profile("Ada Lovelace")).await);
    process.stop().await;
    log
}

#[tokio::test]
async fn a_sound_store_is_sound_and_progress_ends_at_the_head() {
    let log = filled().await;
    let seen = Mutex::new(Vec::new());
    let mut connection = PgConnection::connect(log.url_as("marquee_event_relay").expose())
        .await
        .expect("connect");
    let audit = audit(&mut connection, &HashSet::new(), &|done, head| {
        seen.lock().unwrap().push((done.0, head.0))
    })
    .await
    .expect("an audit");
    assert_eq!(audit.head, Position(7));
    let names: Vec<&str> = audit.parts.iter().map(|part| part.name).collect();
    assert_eq!(names, ["events", "streams", "relay", "idempotency keys", "protection"]);
    assert!(audit.parts.iter().all(|part| part.findings.is_empty()), "{audit:#?}");
    assert_eq!(seen.lock().unwrap().last(), Some(&(7, 7)));
    assert!(
        findings(&Log::create().await).await.is_empty(),
        "an empty store is sound"
    );
}

#[tokio::test]
async fn what_is_broken_is_found_by_its_code_and_its_place() {
    for (tampering, code, place, count) in [
        (
            "DELETE FROM events WHERE position IN (3, 4)",
            "POSITION_MISSING",
            "positions 3 to 4",
            2,
        ),
        (
            "DELETE FROM events WHERE position = 1",
            "POSITION_MISSING",
            "position 1",
            1,
        ),
        (
            "UPDATE events SET sequence = 9 WHERE position = 7",
            "SEQUENCE_BROKEN",
            "user/1: 9 follows 2",
            1,
        ),
        (
            "UPDATE events SET sequence = 12 - sequence WHERE aggregate_id = '2'",
            "SEQUENCE_NOT_RISING",
            "user/2: sequence 11 at position 3",
            1,
        ),
        (
            "UPDATE events SET payload = '{\"type\": \"user.created\"}' WHERE position = 5",
            "EVENT_MALFORMED",
            "position 5 (user/3 1, user.created v1)",
            1,
        ),
        (
            "UPDATE events SET aggregate_type = 'planet' WHERE aggregate_id = '3'",
            "EVENT_MISPLACED",
            "position 5 (planet/3 1, user.created v1)",
            2,
        ),
        (
            "UPDATE events SET metadata = '{\"principal\": 7}' WHERE position = 2",
            "METADATA_MALFORMED",
            "position 2 (user/1 2, user.profile.updated v1)",
            1,
        ),
        (
            "UPDATE relay SET position = 99, event_id = gen_random_uuid()",
            "RELAY_BEYOND_HEAD",
            "position 99, the log ends at 7",
            1,
        ),
        (
            "UPDATE relay SET position = 4, event_id = gen_random_uuid()",
            "RELAY_EVENT_MISSING",
            "position 4",
            1,
        ),
        (
            "UPDATE idempotency_keys SET position = 8",
            "KEY_WITHOUT_EVENT",
            "position 8, beyond the end of the log",
            1,
        ),
        (
            "UPDATE idempotency_keys SET sequence = 1",
            "KEY_WITHOUT_EVENT",
            "position 2, sequence 1",
            1,
        ),
        (
            "ALTER TABLE events DISABLE TRIGGER events_append_only",
            "LOG_NOT_PROTECTED",
            "events_append_only on events",
            1,
        ),
    ] {
        let log = filled().await;
        log.tamper(tampering).await;
        let findings = findings(&log).await;
        let found = findings.iter().find(|finding| finding.code == code);
        let found = found.unwrap_or_else(|| panic!("{code} after {tampering}: {findings:#?}"));
        assert_eq!((found.places[0].as_str(), found.count), (place, count), "{tampering}");
        assert!(!found.unchecked, "{found:?}");
    }
}

#[tokio::test]
async fn an_event_of_newer_code_is_not_called_wrong_but_not_checked() {
    let log = filled().await;
    log.tamper("UPDATE events SET event_version = '9' WHERE position IN (1, 3)")
        .await;
    let findings = findings(&log).await;
    let [unknown] = findings.as_slice() else {
        panic!("{findings:#?}")
    };
    assert_eq!(
        (unknown.code, unknown.count, unknown.unchecked),
        ("EVENT_UNKNOWN", 2, true)
    );
    assert!(unknown.what.contains("user.created version 9"), "{unknown:?}");
}

#[tokio::test]
async fn what_the_role_may_not_read_is_said_to_be_unchecked() {
    let log = filled().await;
    let audit = audited_as(&log, "marquee_catalog").await;
    let unchecked: Vec<&str> = audit
        .parts
        .iter()
        .filter(|part| part.findings.iter().any(|finding| finding.unchecked))
        .map(|part| part.name)
        .collect();
    assert_eq!(unchecked, ["relay", "idempotency keys"]);
}

#[tokio::test]
async fn many_findings_are_counted_and_the_first_shown() {
    let log = filled().await;
    log.tamper(
        "INSERT INTO events SELECT n, 'user', 'x' || n, 5, gen_random_uuid(), 'user.created', '1', '{}', '{}'
         FROM generate_series(8, 1500) n",
    )
    .await;
    let findings = findings(&log).await;
    for code in ["EVENT_MALFORMED", "SEQUENCE_BROKEN"] {
        let found = findings.iter().find(|finding| finding.code == code).expect(code);
        assert_eq!((found.places.len(), found.count), (10, 1493), "{found:?}");
    }
}
