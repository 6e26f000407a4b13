//! The limits of the page are those of the domain and of the wire.

use std::collections::BTreeSet;

use dev_stack::TestVhost;
use domain::{
    Address, AgeRating, CinemaId, CinemaName, CityId, Countries, Country, CountryPremiere, CountryPremieres, Credit,
    Credits, Email, Envelope, ExternalId, ExternalIds, FullName, Genre, Genres, Language, Languages, LocalTitle,
    LocalTitles, Metadata, MovieDetails, MovieId, Premiere, PremiereDate, Rating, Ratings, Role, RuntimeMinutes,
    Synopsis, TimeZone, Title, UserId,
};
use event_bus::{BusError, Publisher};
use lapin::BasicProperties;
use serde_json::{Value, json};

use crate::event::{Stranger, event, take, url};
use crate::page::{table, tables};

/// Tells whether a command may carry this value in a field, as the domain says.
fn is_allowed(field: &str, value: &Value) -> bool {
    let text = || value.as_str().expect("a string");
    match field {
        "id" => [
            UserId::parse(text()).is_ok(),
            MovieId::parse(text()).is_ok(),
            CinemaId::parse(text()).is_ok(),
        ]
        .iter()
        .all(|allowed| *allowed),
        "city_id" => CityId::parse(text()).is_ok(),
        "movie_id" => MovieId::parse(text()).is_ok(),
        "full_name" => FullName::parse(text()).is_ok(),
        "email" => Email::parse(text()).is_ok(),
        "role" => Role::parse(text()).is_ok(),
        "title" | "original_title" => Title::parse(text()).is_ok(),
        "synopsis" => Synopsis::parse(text()).is_ok(),
        "runtime_minutes" => RuntimeMinutes::parse(value.as_i64().expect("an integer")).is_ok(),
        "age_rating" => AgeRating::parse(text()).is_ok(),
        "premiere_date" => PremiereDate::parse(text()).is_ok(),
        "name" => CinemaName::parse(text()).is_ok(),
        "address" => Address::parse(text()).is_ok(),
        "time_zone" => TimeZone::parse(text()).is_ok(),
        other => panic!("the domain's rule for {other} is not known here"),
    }
}

/// A value of a field that is as long as said, and right in everything else.
fn value_of_length(field: &str, kind: &str, length: usize) -> Value {
    match (field, kind) {
        ("email", _) => json!(format!("{}@b.c", "a".repeat(length - 4))),
        (_, "integer") => json!(length),
        ("id" | "city_id" | "movie_id", _) => json!("a".repeat(length)),
        _ => json!("\u{e9}".repeat(length)),
    }
}

#[test]
fn every_field_of_every_event_has_its_limits_on_the_page() {
    let listed: BTreeSet<String> = table("Limits").into_iter().map(|row| row[0].clone()).collect();
    let mut used = BTreeSet::from(["id".to_owned()]);
    for row in table("Routing keys and bodies") {
        let fields = row[2]
            .split(", ")
            .map(|field| field.trim_matches(['`', '?']).to_owned());
        used.extend(fields.filter(|field| !field.is_empty()));
    }
    assert_eq!(listed, used);
}

#[test]
fn the_limits_of_the_page_are_the_domains() {
    for row in table("Limits") {
        let (field, kind) = (row[0].as_str(), row[1].as_str());

        match (row[2].parse::<usize>(), row[3].parse::<usize>()) {
            (Ok(least), Ok(most)) if matches!(field, "role" | "age_rating") => {
                // The cell's outer backticks were trimmed.
                let cell = format!("`{}`", row[4]);
                let named: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
                let known = match field {
                    "role" => Role::VALUES.map(Role::as_str).to_vec(),
                    _ => AgeRating::VALUES.map(AgeRating::as_str).to_vec(),
                };
                assert_eq!(named, known, "{field}");
                let lengths = || known.iter().map(|word| word.len());
                assert_eq!((lengths().min(), lengths().max()), (Some(least), Some(most)), "{field}");
            }
            (Ok(least), Ok(most)) if kind == "array" => {
                assert!(
                    least == 1 && is_list_allowed(field, most),
                    "{field} of {most} is refused"
                );
                assert!(!is_list_allowed(field, most + 1), "{field} of {} is taken", most + 1);
            }
            (Ok(least), Ok(most)) => {
                for length in [least, most] {
                    let value = value_of_length(field, kind, length);
                    assert!(is_allowed(field, &value), "{field} of {length} is refused");
                }
                let beyond = value_of_length(field, kind, most + 1);
                assert!(!is_allowed(field, &beyond), "{field} of {} is taken", most + 1);
                if least > 0 && field != "email" {
                    let below = value_of_length(field, kind, least - 1);
                    assert!(!is_allowed(field, &below), "{field} of {} is taken", least - 1);
                }
            }
            _ if field == "premiere_date" => {
                for (day, allowed) in [
                    (row[2].as_str(), true),
                    (row[3].as_str(), true),
                    ("1887-12-31", false),
                    ("2201-01-01", false),
                ] {
                    assert_eq!(is_allowed(field, &json!(day)), allowed, "{day}");
                }
            }
            _ if field == "time_zone" => {
                assert!(is_allowed(field, &json!("Europe/Berlin")) && !is_allowed(field, &json!("Middle/Earth")));
            }
            _ => assert_eq!((field, row[4].as_str()), ("genre", "free words; in version 1 only")),
        }
    }
    assert!(!is_allowed("email", &json!("@b.c")), "four characters");
    assert!(!is_allowed("title", &json!("two\nlines")) && is_allowed("synopsis", &json!("two\nlines\tand a tab")));
}

/// Tells whether a list may have so many items, all of them different, as the domain says.
fn is_list_allowed(field: &str, length: usize) -> bool {
    fn list<T>(length: usize, item: impl Fn(usize) -> T) -> Vec<T> {
        (0..length).map(item).collect()
    }
    let language = |number: usize| Language::parse(&format!("de-x-{number}")).expect("a language");
    let country = |number: usize| countries().swap_remove(number);
    let title = Title::parse("M").expect("a title");
    let date = PremiereDate::parse("1931").expect("a date");
    match field {
        "titles" => LocalTitles::parse(list(length, |number| LocalTitle {
            language: language(number),
            title: title.clone(),
        }))
        .is_ok(),
        "ratings" => {
            let rating = |number| Rating::parse(&format!("scheme-{number}"), "R").expect("a rating");
            Ratings::parse(list(length, rating)).is_ok()
        }
        "genres" => Genres::parse(list(length, |number| format!("genre-{number}"))).is_ok(),
        "languages" => Languages::parse(list(length, language)).is_ok(),
        "countries" => Countries::parse(list(length, country)).is_ok(),
        "credits" => {
            let credit = |number| Credit::parse(&format!("N{number}"), "actor", None).expect("a credit");
            Credits::parse(list(length, credit)).is_ok()
        }
        "external_ids" => {
            let id = |number| ExternalId::parse("isan", &format!("{number}")).expect("an id");
            ExternalIds::parse(list(length, id)).is_ok()
        }
        "premieres" => CountryPremieres::parse(list(length, |number| CountryPremiere {
            country: country(number),
            date,
        }))
        .is_ok(),
        other => panic!("the domain's rule for {other} is not known here"),
    }
}

/// All there are.
fn countries() -> Vec<Country> {
    let letters = || 'A'..='Z';
    let pairs: Vec<String> = letters()
        .flat_map(|first| letters().map(move |second| format!("{first}{second}")))
        .collect();
    let known = |code: &String| Country::parse(code).ok();
    let former = ["SUHH", "CSHH", "DDDE", "YUCS", "ZRCD", "BUMM"].map(str::to_owned);
    pairs.iter().chain(&former).filter_map(known).collect()
}

/// Tells whether a field of a list's item may have this length, as the domain says.
fn is_item_allowed(field: &str, length: usize) -> bool {
    let (letters, line) = ("a".repeat(length), "\u{e9}".repeat(length));
    match field {
        "titles[].language" => Language::parse(&"de-x-aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaaaaa"[..length]).is_ok(),
        "titles[].title" => Title::parse(&line).is_ok(),
        "ratings[].scheme" => Rating::parse(&letters, "R").is_ok(),
        "ratings[].value" => Rating::parse("mpa", &line).is_ok(),
        "genres[].slug" => Genre::labelled("Drama", Some(&letters)).is_ok(),
        "genres[].label" => Genre::labelled(&line, Some("drama")).is_ok(),
        "credits[].name" => Credit::parse(&line, "actor", None).is_ok(),
        "credits[].role" => Credit::parse("N", &letters, None).is_ok(),
        "credits[].character" => Credit::parse("N", "actor", Some(&line)).is_ok(),
        "external_ids[].scheme" => ExternalId::parse(&letters, "1").is_ok(),
        "external_ids[].value" => ExternalId::parse("isan", &letters).is_ok(),
        "premieres[].country" => Country::parse(["", "D", "DE", "DEU", "SUHH", "SUHHA"][length]).is_ok(),
        "premieres[].date" => PremiereDate::parse(&"1931-05-110"[..length]).is_ok(),
        other => panic!("the domain's rule for {other} is not known here"),
    }
}

#[test]
fn the_limits_of_items_are_the_domains() {
    let rows = tables("Limits").swap_remove(2);
    assert_eq!(rows.len(), 13);
    for row in rows {
        let field = row[0].as_str();
        let (least, most) = (row[1].parse().expect("a length"), row[2].parse().expect("a length"));
        for (length, allowed) in [(least, true), (most, true), (least - 1, false), (most + 1, false)] {
            assert_eq!(is_item_allowed(field, length), allowed, "{field} of {length}");
        }
    }
}

#[test]
fn a_list_of_which_nothing_is_known_is_absent() {
    let details = MovieDetails::of(Title::parse("21").expect("a title"));
    assert_eq!(serde_json::to_value(details).expect("JSON"), json!({"title": "21"}));
    assert_eq!(serde_json::to_value(Premiere::default()).expect("JSON"), json!({}));
}

async fn sent(publisher: &mut Publisher, stranger: &Stranger, envelope: &Envelope) -> BasicProperties {
    let mut consumer = stranger.consume("all").await;
    publisher
        .publish(envelope)
        .await
        .expect("published")
        .await
        .expect("confirmed");
    let properties = take(&mut consumer).await.properties;
    let tag = consumer.tag();
    stranger
        .channel
        .basic_cancel(tag, lapin::options::BasicCancelOptions::default())
        .await
        .expect("cancelled");
    properties
}

#[tokio::test]
async fn the_limits_of_a_message_are_those_of_the_page() {
    let vhost = TestVhost::create().await;
    let stranger = Stranger::connect(&vhost.amqp_url()).await;
    let mut publisher = Publisher::open(&url(&vhost.amqp_url()), "test")
        .await
        .expect("a publisher");
    stranger.bind("all", &[("user", "#")]).await;
    let limits = tables("Limits").swap_remove(1);
    let most = |name: &str| -> usize {
        let row = limits.iter().find(|row| row[0] == name).expect("a limit");
        let (bytes, _) = row[1].split_once(' ').expect("a number of bytes");
        bytes.parse().expect("a number")
    };
    for beyond in [0, 1] {
        let of_length = |name: &str| Some("r".repeat(most(name) + beyond));
        let envelope = Envelope {
            metadata: Metadata {
                correlation_id: of_length("correlation_id"),
                causation_id: of_length("causation_id"),
                traceparent: of_length("traceparent"),
                principal: None,
            },
            ..event(1, "user.created")
        };
        let properties = sent(&mut publisher, &stranger, &envelope).await;
        let headers = properties.headers().clone().unwrap_or_default();
        let is_there = beyond == 0;
        assert_eq!(properties.correlation_id().is_some(), is_there);
        for name in ["causation_id", "traceparent"] {
            assert_eq!(headers.inner().contains_key(name), is_there, "{name}");
        }
    }
    let padding = most("body") - r#"{"id": "1", "x": ""}"#.len();
    for beyond in [0, 1] {
        let payload = format!(r#"{{"id": "1", "x": "{}"}}"#, "x".repeat(padding + beyond));
        let envelope = Envelope {
            payload,
            ..event(2, "user.created")
        };
        let published = publisher.publish(&envelope).await;
        if beyond == 0 {
            published.expect("published").await.expect("confirmed");
        } else {
            assert!(matches!(published, Err(BusError::Unpublishable { .. })));
        }
    }
    publisher.close().await;
}
