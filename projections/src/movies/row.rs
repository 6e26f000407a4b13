//! What one movie's stream has come to.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::{Announcement, Event, Genre, MovieDetails, MovieEvent, Position, Premiere, Sequence};

use super::facts::Facts;
use crate::Recorded;
use crate::row::{Contradiction, Row, expect_next_or_new_beginning};
use crate::search::text::{SearchText, Searched};

/// Where a premiere that is not known stands: behind all others, whichever way they are sorted, and in no window.
const NEVER_FROM: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).expect("a day");
const NEVER_TO: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 1).expect("a day");

/// The row of a movie.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub(super) struct MovieRow {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) synopsis: Option<String>,
    pub(super) runtime_minutes: Option<i32>,
    /// The rating of the scheme `age`.
    pub(super) age_rating: Option<String>,
    /// Slugs.
    pub(super) genres: Vec<String>,
    /// As exactly as it is known.
    pub(super) premiere_date: Option<String>,
    /// The earliest day the premiere can be.
    pub(super) premiere_from: NaiveDate,
    /// The latest day the premiere can be.
    pub(super) premiere_to: NaiveDate,
    #[sqlx(json)]
    pub(super) facts: Facts,
    /// What lists are narrowed by.
    pub(super) facets: Vec<String>,
    /// The external ids, each with the position of the event by which the movie claimed it: of several movies with the same
    /// one, the first has it.
    #[sqlx(json)]
    pub(super) claims: BTreeMap<String, i64>,
    pub(super) announced_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) sequence: i64,
    pub(super) gone: bool,
    /// Whether what it is found by has to be made again.
    #[sqlx(skip)]
    pub(super) is_renamed: bool,
}

impl MovieRow {
    /// What the movie is found by: its titles, the shown one first, who made it, what it is about.
    pub(super) fn searched(&self) -> Searched {
        let mut text = SearchText::default();
        for title in self.titles() {
            text = text.title(title);
        }
        for name in self.names() {
            text = text.person(name);
        }
        text.text(self.synopsis.as_deref().unwrap_or_default()).finish()
    }

    fn titles(&self) -> impl Iterator<Item = &str> {
        let local = self.facts.titles.iter().map(|local| local.title.as_str());
        [self.title.as_str()]
            .into_iter()
            .chain(self.facts.original_title.as_deref())
            .chain(local)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.facts.credits.iter().map(|credit| credit.name.as_str())
    }

    fn is_found_as(&self, other: &Self) -> bool {
        self.synopsis == other.synopsis && self.titles().eq(other.titles()) && self.names().eq(other.names())
    }

    fn announced(recorded: &Recorded, announcement: &Announcement) -> Self {
        let envelope = &recorded.envelope;
        let mut row = Self {
            id: envelope.aggregate_id.clone(),
            title: String::new(),
            synopsis: None,
            runtime_minutes: None,
            age_rating: None,
            genres: Vec::new(),
            premiere_date: None,
            premiere_from: NEVER_FROM,
            premiere_to: NEVER_TO,
            facts: Facts::of(announcement),
            facets: Vec::new(),
            claims: BTreeMap::new(),
            announced_at: envelope.recorded_at,
            updated_at: envelope.recorded_at,
            sequence: envelope.sequence.0,
            gone: false,
            is_renamed: true,
        };
        row.set_details(&announcement.details, envelope.position);
        row.set_premiere(&announcement.premiere);
        row.facets = row.facts.facets();
        row
    }

    fn set_details(&mut self, details: &MovieDetails, at: Position) {
        self.title = details.title.to_string();
        self.synopsis = details.synopsis.as_ref().map(ToString::to_string);
        self.runtime_minutes = details.runtime_minutes.map(|runtime| runtime.minutes());
        self.age_rating = details.ratings.age().map(|rating| rating.to_string());
        self.genres = details.genres.as_slice().iter().map(Genre::to_string).collect();
        self.facts.set_details(details);
        let claims = details.external_ids.as_slice().iter().map(|id| {
            let id = id.to_string();
            let since = self.claims.get(&id).copied().unwrap_or(at.0);
            (id, since)
        });
        self.claims = claims.collect();
    }

    fn set_premiere(&mut self, premiere: &Premiere) {
        let date = premiere.premiere_date;
        self.premiere_date = date.map(|date| date.to_string());
        self.premiere_from = date.map_or(NEVER_FROM, |date| date.first_day());
        self.premiere_to = date.map_or(NEVER_TO, |date| date.last_day());
        self.facts.set_premiere(premiere);
    }
}

impl Row for MovieRow {
    fn begin(recorded: &Recorded) -> Result<Self, Contradiction> {
        match &recorded.event {
            Event::Movie(MovieEvent::Announced(announcement)) => Ok(Self::announced(recorded, announcement)),
            _ => Err(Contradiction::misplaced(recorded)),
        }
    }

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Contradiction> {
        let Event::Movie(event) = &recorded.event else {
            return Err(Contradiction::misplaced(recorded));
        };
        let begins = matches!(event, MovieEvent::Announced(_));
        expect_next_or_new_beginning(Sequence(self.sequence), self.gone, begins, recorded)?;
        match event {
            MovieEvent::Announced(announcement) => *self = Self::announced(recorded, announcement),
            MovieEvent::DetailsUpdated(details) => {
                let before = self.clone();
                self.set_details(details, recorded.envelope.position);
                self.is_renamed |= !self.is_found_as(&before);
            }
            MovieEvent::PremiereRescheduled(premiere) => self.set_premiere(premiere),
            MovieEvent::Withdrawn {} => self.gone = true,
        }
        self.facets = self.facts.facets();
        self.updated_at = recorded.envelope.recorded_at;
        self.sequence = recorded.envelope.sequence.0;
        Ok(())
    }

    fn pass_over(&mut self, sequence: Sequence) {
        if self.sequence == sequence.0 - 1 {
            self.sequence = sequence.0;
        }
    }

    fn id(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::row::testing::{assert_guarded, minute, recorded, row_of};

    fn details(title: &str) -> Value {
        json!({
            "title": title, "synopsis": "A crew answers a call.", "runtime_minutes": 117, "age_rating": "16",
            "genres": ["horror", "science-fiction"],
        })
    }

    fn stream() -> Vec<Recorded> {
        let mut announced = details("Alien");
        announced["premiere_date"] = "1979-05-25".into();
        vec![
            recorded(1, "movie.announced", "2", announced),
            recorded(
                2,
                "movie.premiere.rescheduled",
                "1",
                json!({"premiere_date": "1979-10-25"}),
            ),
            recorded(3, "movie.details.updated", "1", details("ALIEN")),
        ]
    }

    #[test]
    fn a_movie_is_what_the_last_events_say() {
        let row: MovieRow = row_of(&stream()).expect("a valid stream");
        assert_eq!(
            (row.title.as_str(), row.runtime_minutes, row.age_rating.as_deref()),
            ("ALIEN", Some(117), Some("16"))
        );
        assert_eq!(row.genres, ["horror", "science-fiction"]);
        assert_eq!(row.premiere_date.as_deref(), Some("1979-10-25"));
        assert_eq!(
            (row.announced_at, row.updated_at, row.sequence),
            (minute(1), minute(3), 3)
        );
    }

    #[test]
    fn a_movie_announced_before_there_were_genres_has_its_genre() {
        let mut announced = details("Alien");
        announced["premiere_date"] = "1979-05-25".into();
        announced.as_object_mut().expect("an object").remove("genres");
        announced["genre"] = "horror".into();
        let row: MovieRow = row_of(&[recorded(1, "movie.announced", "1", announced)]).expect("a valid stream");
        assert_eq!(row.genres, ["horror"]);
    }

    #[test]
    fn what_is_not_known_of_a_movie_is_not_made_up() {
        let row: MovieRow =
            row_of(&[recorded(1, "movie.announced", "3", json!({"title": "21"}))]).expect("a valid stream");
        assert_eq!(
            (row.synopsis, row.runtime_minutes, row.age_rating, row.premiere_date),
            (None, None, None, None)
        );
        assert_eq!((row.premiere_from, row.premiere_to), (NEVER_FROM, NEVER_TO));
        assert_eq!((row.facts, row.facets.len()), (Facts::default(), 0));
    }

    #[test]
    fn a_new_release_begins_the_row_anew_and_goes_on_with_the_sequence() {
        let mut events = stream();
        events.push(recorded(4, "movie.withdrawn", "1", json!({})));
        events.push(recorded(
            5,
            "movie.announced",
            "3",
            json!({"title": "Alien: The Director's Cut"}),
        ));
        let row: MovieRow = row_of(&events).expect("a valid stream");
        let expected: MovieRow = row_of(&events[4..]).expect("a valid stream");
        assert_eq!((row.sequence, row.gone, row.announced_at), (5, false, minute(5)));
        assert_eq!(row, expected);
        assert_guarded::<MovieRow>(&stream(), &recorded(4, "movie.withdrawn", "1", json!({})));
    }

    #[test]
    fn an_external_id_is_claimed_since_the_event_that_first_told_it() {
        let told = |ids: &[&str]| {
            let ids: Vec<Value> = ids
                .iter()
                .map(|value| json!({"scheme": "tmdb", "value": value}))
                .collect();
            json!({"title": "Alien", "external_ids": ids})
        };
        let row: MovieRow = row_of(&[
            recorded(1, "movie.announced", "3", told(&["1", "2"])),
            recorded(2, "movie.details.updated", "2", told(&["2", "3"])),
            recorded(3, "movie.details.updated", "2", told(&["1", "2", "3"])),
        ])
        .expect("a valid stream");
        let claims: Vec<_> = row.claims.into_iter().collect();
        assert_eq!(
            claims,
            [
                ("tmdb:1".to_owned(), 3),
                ("tmdb:2".to_owned(), 1),
                ("tmdb:3".to_owned(), 2)
            ]
        );
    }

    #[test]
    fn a_movie_takes_only_the_next_event_of_the_stream() {
        assert_guarded::<MovieRow>(&stream(), &recorded(4, "movie.withdrawn", "1", json!({})));
    }
}
