//! Whatever stands in the log, reading it does no harm, and what is read is what was meant.

#![allow(clippy::panic, reason = "a helper that fails is a test that fails")]

use cqrs_es::DomainEvent;
use domain::{DecodeError, Event};
use serde::Serialize;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/payloads");

/// An input is a line with event type and version, and the payload.
#[test]
fn a_payload_is_read_or_refused_and_reads_the_same_once_it_is_written_again() {
    fuzz::fuzz(CORPUS, |input| {
        let text = String::from_utf8_lossy(input);
        let (head, payload) = text.split_once('\n').unwrap_or((&text, ""));
        let (event_type, event_version) = head.split_once(' ').unwrap_or((head, ""));
        match Event::decode(event_type, event_version, payload) {
            Ok(event) => {
                let again = match &event {
                    Event::User(event) => written_and_read(event),
                    Event::Movie(event) => written_and_read(event),
                    Event::Cinema(event) => written_and_read(event),
                };
                assert_eq!(again, event);
                format!("{event_type} {event_version}")
            }
            Err(DecodeError::Unknown { .. }) => "unknown".to_owned(),
            // Where in the text it is says nothing new.
            Err(DecodeError::Malformed { source, .. }) => {
                let reason = source.to_string();
                let reason = reason.split(" at line ").next().unwrap_or_default();
                format!("{event_type} {}", reason.get(..40).unwrap_or(reason))
            }
        }
    });
}

fn written_and_read<E: DomainEvent + Serialize>(event: &E) -> Event {
    let payload = serde_json::to_string(event).expect("events become JSON");
    Event::decode(&event.event_type(), &event.event_version(), &payload)
        .unwrap_or_else(|error| panic!("{payload}: {error}"))
}
