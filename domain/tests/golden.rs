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
    Address, AgeRating, Announcement, Cinema, CinemaEvent, CinemaName, CityId, Countries, Country, CountryPremiere,
    CountryPremieres, Credit, Credits, Email, Event, ExternalId, ExternalIds, FullName, Genre, Genres, KNOWN_EVENTS,
    Language, Languages, LocalTitle, LocalTitles, Movie, MovieDetails, MovieEvent, MovieId, Premiere, PremiereDate,
    Rating, Ratings, Role, RuntimeMinutes, Synopsis, TimeZone, Title, User, UserEvent, is_known, upcasters,
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

fn title(text: &str) -> Title {
    Title::parse(text).unwrap()
}

fn date(text: &str) -> PremiereDate {
    PremiereDate::parse(text).unwrap()
}

fn in_country(country: &str, text: &str) -> CountryPremiere {
    CountryPremiere {
        country: Country::parse(country).unwrap(),
        date: date(text),
    }
}

fn announced(details: MovieDetails, premiere: Premiere) -> Event {
    Event::Movie(MovieEvent::Announced(Box::new(Announcement { details, premiere })))
}

/// What was told of a movie before anything could be unknown.
fn told(text: &str, synopsis: &str, minutes: i64, rating: AgeRating, slugs: &[&str]) -> MovieDetails {
    MovieDetails {
        synopsis: Some(Synopsis::parse(synopsis).unwrap()),
        runtime_minutes: Some(RuntimeMinutes::parse(minutes).unwrap()),
        ratings: rating.into(),
        genres: genres(slugs),
        ..MovieDetails::of(title(text))
    }
}

fn das_boot() -> MovieDetails {
    let local = |language: &str, text: &str| LocalTitle {
        language: Language::parse(language).unwrap(),
        title: title(text),
    };
    let ratings = vec![
        Rating::parse("FSK", "12").unwrap(),
        Rating::parse("mpa", "R").unwrap(),
        Rating::unrated("tv").unwrap(),
    ];
    let labelled = [("War", None), ("Dramé", None)].map(|(label, slug)| Genre::labelled(label, slug).unwrap());
    let languages = ["de", "FR"].map(|tag| Language::parse(tag).unwrap());
    let countries = ["de", "SUHH"].map(|code| Country::parse(code).unwrap());
    let credits = vec![
        Credit::parse("Wolfgang Petersen", "director", None).unwrap(),
        Credit::parse("Jürgen Prochnow", "Actor", Some("Captain")).unwrap(),
    ];
    MovieDetails {
        original_title: Some(title("Das Boot – Die Rückkehr")),
        titles: LocalTitles::parse(vec![local("en", "The Boat"), local("zh-hant", "從海底出擊")]).unwrap(),
        synopsis: Some(Synopsis::parse("A patrol.").unwrap()),
        runtime_minutes: Some(RuntimeMinutes::parse(149).unwrap()),
        ratings: Ratings::parse(ratings).unwrap(),
        genres: Genres::of(labelled.to_vec()).unwrap(),
        languages: Languages::parse(languages.to_vec()).unwrap(),
        countries: Countries::parse(countries.to_vec()).unwrap(),
        credits: Credits::parse(credits).unwrap(),
        external_ids: ExternalIds::parse(vec![ExternalId::parse("IMDb", "tt0082096").unwrap()]).unwrap(),
        ..MovieDetails::of(title("Das Boot"))
    }
}

fn das_boots_premiere() -> Premiere {
    Premiere {
        premiere_date: Some(date("1981-09")),
        premieres: CountryPremieres::parse(vec![in_country("DE", "1981-09-17"), in_country("us", "1982")]).unwrap(),
    }
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
        ("movie.announced", "1") => announced(
            told(
                "Solaris",
                "A planet that remembers.",
                166,
                AgeRating::From12,
                &["science-fiction"],
            ),
            date("1972-03-20").into(),
        ),
        ("movie.announced", "2") => announced(
            told(
                "Stalker",
                "Three men walk into the Zone.\nOne of them knows the way.",
                162,
                AgeRating::From12,
                &["science-fiction", "drama"],
            ),
            date("1979-05-25").into(),
        ),
        ("movie.announced", "3") => announced(das_boot(), das_boots_premiere()),
        ("movie.details.updated", "1") => Event::Movie(MovieEvent::DetailsUpdated(Box::new(told(
            "Сталкер",
            "",
            161,
            AgeRating::All,
            &["drama"],
        )))),
        ("movie.details.updated", "2") => {
            Event::Movie(MovieEvent::DetailsUpdated(Box::new(MovieDetails::of(title("21")))))
        }
        ("movie.premiere.rescheduled", "1") => Event::Movie(MovieEvent::PremiereRescheduled(date("1980-02-29").into())),
        ("movie.premiere.rescheduled", "2") => Event::Movie(MovieEvent::PremiereRescheduled(Premiere {
            premiere_date: Some(date("1980")),
            premieres: CountryPremieres::parse(vec![in_country("SE", "1980-02")]).unwrap(),
        })),
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
            // Accepted once, and in logs.
            time_zone: serde_json::from_value("UTC".into()).unwrap(),
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
        for version in ["3", "4", "1.7", "", "x"] {
            assert!(!upcaster.can_upcast("movie.announced", version), "version {version}");
            assert!(
                !upcaster.can_upcast("movie.details.updated", version),
                "version {version}"
            );
        }
        assert!(!upcaster.can_upcast("movie.details.updated", "2"));
        assert!(!upcaster.can_upcast("movie.withdrawn", "1"));
    }
}

#[test]
fn a_version_nobody_has_written_yet_is_not_known() {
    for (event_type, version) in KNOWN_EVENTS {
        assert!(is_known(event_type, version));
        assert!(!is_known(event_type, "4"));
        assert!(!is_known(event_type, ""));
    }
    assert!(!is_known("user", "1"));
    assert!(!is_known("user.renamed", "1"));
}
