//! Events are contracts: `golden/<event_type>.v<event_version>.json` is a payload as the log holds it, and loads for ever.
//!
//! A sample is never changed. A new version of an event adds a sample, a version to `KNOWN_EVENTS`, and an upcaster.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cqrs_es::persist::SerializedEvent;
use cqrs_es::{Aggregate, DomainEvent};
use domain::{
    Address, AgeRating, Cinema, CinemaEvent, CinemaName, CityId, Email, Event, FullName, Genres, KNOWN_EVENTS, Movie,
    MovieEvent, MovieId, PremiereDate, Role, RuntimeMinutes, Synopsis, TimeZone, Title, User, UserEvent, is_known,
    upcasters,
};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn sample(event_type: &str, event_version: &str) -> String {
    std::fs::read_to_string(folder().join(format!("{event_type}.v{event_version}.json"))).unwrap()
}

fn genres(names: &[&str]) -> Genres {
    Genres::parse(names.iter().map(|&name| name.to_owned()).collect()).unwrap()
}

/// What each sample means today.
fn meaning(event_type: &str, event_version: &str) -> Event {
    match (event_type, event_version) {
        ("user.created", "1") => Event::User(UserEvent::Created {
            full_name: FullName::parse("Åsa Öberg").unwrap(),
            email: Some(Email::parse("asa@example.org").unwrap()),
        }),
        ("user.profile.updated", "1") => Event::User(UserEvent::ProfileUpdated {
            full_name: FullName::parse("usama").unwrap(),
            email: None,
        }),
        ("user.roles.granted", "1") => Event::User(UserEvent::RoleGranted { role: Role::BoxOffice }),
        ("user.roles.revoked", "1") => Event::User(UserEvent::RoleRevoked { role: Role::Customer }),
        ("user.logged_in", "1") => Event::User(UserEvent::LoggedIn {}),
        ("user.deleted", "1") => Event::User(UserEvent::Deleted {}),
        ("movie.announced", "1") => Event::Movie(MovieEvent::Announced {
            title: Title::parse("Solaris").unwrap(),
            synopsis: Synopsis::parse("A planet that remembers.").unwrap(),
            runtime_minutes: RuntimeMinutes::parse(166).unwrap(),
            age_rating: AgeRating::From12,
            genres: genres(&["science-fiction"]),
            premiere_date: PremiereDate::parse("1972-03-20").unwrap(),
        }),
        ("movie.announced", "2") => Event::Movie(MovieEvent::Announced {
            title: Title::parse("Stalker").unwrap(),
            synopsis: Synopsis::parse("Three men walk into the Zone.\nOne of them knows the way.").unwrap(),
            runtime_minutes: RuntimeMinutes::parse(162).unwrap(),
            age_rating: AgeRating::From12,
            genres: genres(&["science-fiction", "drama"]),
            premiere_date: PremiereDate::parse("1979-05-25").unwrap(),
        }),
        ("movie.details.updated", "1") => Event::Movie(MovieEvent::DetailsUpdated {
            title: Title::parse("Сталкер").unwrap(),
            synopsis: Synopsis::parse("").unwrap(),
            runtime_minutes: RuntimeMinutes::parse(161).unwrap(),
            age_rating: AgeRating::All,
            genres: genres(&["drama"]),
        }),
        ("movie.premiere.rescheduled", "1") => Event::Movie(MovieEvent::PremiereRescheduled {
            premiere_date: PremiereDate::parse("1980-02-29").unwrap(),
        }),
        ("movie.withdrawn", "1") => Event::Movie(MovieEvent::Withdrawn {}),
        ("cinema.opened", "1") => Event::Cinema(CinemaEvent::Opened {
            name: CinemaName::parse("Kino International").unwrap(),
            city_id: CityId::parse("berlin").unwrap(),
            address: Address::parse("Karl-Marx-Allee 33").unwrap(),
            time_zone: TimeZone::parse("Europe/Berlin").unwrap(),
        }),
        ("cinema.details.updated", "1") => Event::Cinema(CinemaEvent::DetailsUpdated {
            name: CinemaName::parse("Kino International").unwrap(),
            city_id: CityId::parse("Berlin_2").unwrap(),
            address: Address::parse("Karl-Marx-Allee 33, 10178").unwrap(),
            time_zone: TimeZone::parse("UTC").unwrap(),
        }),
        ("cinema.programme.movie_added", "1") => Event::Cinema(CinemaEvent::MovieAdded {
            movie_id: MovieId::parse("stalker").unwrap(),
        }),
        ("cinema.programme.movie_removed", "1") => Event::Cinema(CinemaEvent::MovieRemoved {
            movie_id: MovieId::parse("0190b1a2-7c3d-7e4f-8a5b-6c7d8e9f0a1b").unwrap(),
        }),
        ("cinema.closed", "1") => Event::Cinema(CinemaEvent::Closed {}),
        _ => panic!("no meaning is written down for {event_type} version {event_version}"),
    }
}

/// The event as it would be written today: type, version, payload.
fn written(event: &Event) -> (String, String, Value) {
    fn parts<E: DomainEvent>(event: &E) -> (String, String, Value) {
        (
            event.event_type(),
            event.event_version(),
            serde_json::to_value(event).unwrap(),
        )
    }
    match event {
        Event::User(event) => parts(event),
        Event::Movie(event) => parts(event),
        Event::Cinema(event) => parts(event),
    }
}

#[test]
fn every_known_version_has_a_sample_and_every_sample_is_of_a_known_version() {
    let known: BTreeSet<String> = KNOWN_EVENTS
        .iter()
        .map(|(event_type, version)| format!("{event_type}.v{version}.json"))
        .collect();
    let samples: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(known, samples);
}

#[test]
fn every_sample_loads_to_its_meaning_with_and_without_the_aggregates_id() {
    for (event_type, version) in KNOWN_EVENTS {
        let stored = sample(event_type, version);
        let carried = stored.replacen('{', r#"{"id": "1", "#, 1);
        for payload in [stored, carried] {
            let event = Event::decode(event_type, version, &payload).unwrap();
            assert_eq!(event, meaning(event_type, version), "{event_type} version {version}");
        }
    }
}

#[test]
fn every_sample_of_a_current_version_is_what_would_be_written_today() {
    let mut current = 0;
    for (event_type, version) in KNOWN_EVENTS {
        let (written_type, written_version, payload) = written(&meaning(event_type, version));
        assert_eq!(written_type, event_type);
        if written_version == version {
            assert_eq!(
                payload,
                serde_json::from_str::<Value>(&sample(event_type, version)).unwrap()
            );
            current += 1;
        }
    }
    let types: BTreeSet<&str> = KNOWN_EVENTS.iter().map(|(event_type, _)| *event_type).collect();
    assert_eq!(
        current,
        types.len(),
        "exactly one version of each event type is written today"
    );
}

#[test]
fn the_version_written_today_is_the_last_one_known() {
    for (event_type, version) in KNOWN_EVENTS {
        let (_, last) = KNOWN_EVENTS
            .into_iter()
            .rfind(|(other, _)| *other == event_type)
            .unwrap();
        let (_, written_version, _) = written(&meaning(event_type, version));
        assert_eq!(written_version, last, "{event_type}");
    }
}

#[test]
fn the_loader_of_aggregates_reads_every_sample_as_projections_do() {
    fn load<A: Aggregate>(payload: Value) -> A::Event {
        serde_json::from_value(payload).unwrap()
    }

    for (event_type, version) in KNOWN_EVENTS {
        let stored = SerializedEvent::new(
            "1".into(),
            1,
            event_type.split('.').next().unwrap().into(),
            event_type.into(),
            version.into(),
            serde_json::from_str(&sample(event_type, version)).unwrap(),
            Value::Object(serde_json::Map::new()),
        );
        let event = upcasters().iter().fold(stored, |event, upcaster| {
            if upcaster.can_upcast(&event.event_type, &event.event_version) {
                upcaster.upcast(event)
            } else {
                event
            }
        });

        let loaded = match event.aggregate_type.as_str() {
            User::TYPE => Event::User(load::<User>(event.payload)),
            Movie::TYPE => Event::Movie(load::<Movie>(event.payload)),
            Cinema::TYPE => Event::Cinema(load::<Cinema>(event.payload)),
            other => panic!("no aggregate is called {other}"),
        };
        assert_eq!(loaded, meaning(event_type, version), "{event_type} version {version}");
        assert_eq!(event.event_version, written(&loaded).1);
    }
}

#[test]
fn an_upcaster_leaves_current_and_newer_versions_alone() {
    for upcaster in upcasters() {
        for version in ["2", "3", "1.7", "", "x"] {
            assert!(!upcaster.can_upcast("movie.announced", version), "version {version}");
        }
        assert!(!upcaster.can_upcast("movie.details.updated", "1"));
    }
}

#[test]
fn a_version_nobody_has_written_yet_is_not_known() {
    for (event_type, version) in KNOWN_EVENTS {
        assert!(is_known(event_type, version));
        assert!(!is_known(event_type, "3"));
        assert!(!is_known(event_type, ""));
    }
    assert!(!is_known("user", "1"));
    assert!(!is_known("user.renamed", "1"));
}
