//! Writes down what happened, as the log would hold it.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use domain::{Envelope, Event, Metadata, Position, Sequence};
use projections::Recorded;
use serde_json::{Value, json};
use uuid::Uuid;

/// A log in memory: positions and sequences without gaps, one minute between events.
#[derive(Debug, Default)]
pub(crate) struct History {
    sequences: BTreeMap<(String, String), i64>,
    pub(crate) events: Vec<Recorded>,
}

impl History {
    /// Appends an event of a stream, whose kind the event's type tells.
    pub(crate) fn push(&mut self, id: &str, event_type: &str, payload: Value) {
        let event_version = if event_type == "movie.announced" { "2" } else { "1" };
        self.push_as(id, event_type, event_version, payload);
    }

    /// Appends an event of a stream in one of its versions.
    pub(crate) fn push_as(&mut self, id: &str, event_type: &str, event_version: &str, payload: Value) {
        let mut payload = payload;
        payload["id"] = id.into();
        payload["type"] = event_type.into();
        let payload = payload.to_string();
        let kind = event_type
            .split('.')
            .next()
            .expect("a type has a first word")
            .to_owned();
        let event = Event::decode(event_type, event_version, &payload).expect("a valid event");
        let sequence = self.sequences.entry((kind.clone(), id.to_owned())).or_default();
        *sequence += 1;
        let position = i64::try_from(self.events.len()).expect("few events") + 1;
        let envelope = Envelope {
            log_id: Uuid::nil(),
            position: Position(position),
            event_id: Uuid::from_u128(position.unsigned_abs().into()),
            aggregate_type: kind,
            aggregate_id: id.to_owned(),
            sequence: Sequence(*sequence),
            event_type: event_type.to_owned(),
            event_version: event_version.to_owned(),
            payload,
            metadata: Metadata::default(),
            recorded_at: recorded_at(position),
        };
        self.events.push(Recorded { envelope, event });
    }

    /// Registers a user.
    pub(crate) fn user(&mut self, id: &str, full_name: &str) {
        self.push(id, "user.created", json!({"full_name": full_name}));
    }

    /// Announces a movie.
    pub(crate) fn movie(&mut self, id: &str, title: &str, premiere_date: &str) {
        self.movie_with(id, json!({"title": title, "premiere_date": premiere_date}));
    }

    /// Announces a movie with these fields, the others made up.
    pub(crate) fn movie_with(&mut self, id: &str, fields: Value) {
        let mut movie = json!({
            "title": id, "synopsis": "", "runtime_minutes": 100, "age_rating": "12", "genres": ["drama"],
            "premiere_date": "2026-01-01",
        });
        for (name, value) in fields.as_object().expect("an object") {
            movie[name] = value.clone();
        }
        self.push(id, "movie.announced", movie);
    }

    /// Announces a movie of which only this is known.
    pub(crate) fn movie_of(&mut self, id: &str, fields: Value) {
        self.push_as(id, "movie.announced", "3", fields);
    }

    /// Opens a cinema.
    pub(crate) fn cinema(&mut self, id: &str, name: &str, city_id: &str) {
        self.push(id, "cinema.opened", cinema(name, city_id));
    }

    /// Adds a movie to a cinema's programme.
    pub(crate) fn add_to_programme(&mut self, cinema_id: &str, movie_id: &str) {
        self.push(cinema_id, "cinema.programme.movie_added", json!({"movie_id": movie_id}));
    }
}

/// The details of a cinema.
pub(crate) fn cinema(name: &str, city_id: &str) -> Value {
    json!({"name": name, "city_id": city_id, "address": "Main Street 1", "time_zone": "Europe/Berlin"})
}

/// When the event at a position was recorded.
pub(crate) fn recorded_at(position: i64) -> DateTime<Utc> {
    let beginning: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("a time");
    beginning + Duration::minutes(position)
}
