//! What one movie's stream has come to, as far as programmes show it.

use domain::{Announcement, Event, Genre, MovieDetails, MovieEvent, Premiere, Sequence};

use crate::Recorded;
use crate::movies::{MovieRating, ratings};
use crate::row::{Contradiction, Row, expect_next_or_new_beginning};

/// The catalog's own row of a movie: less than the movies projection has, and no synopsis, which programmes do not show.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub(super) struct MovieRow {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) runtime_minutes: Option<i32>,
    /// The rating of the scheme `age`.
    pub(super) age_rating: Option<String>,
    #[sqlx(json)]
    pub(super) ratings: Vec<MovieRating>,
    /// Slugs.
    pub(super) genres: Vec<String>,
    /// As exactly as it is known.
    pub(super) premiere_date: Option<String>,
    pub(super) sequence: i64,
    pub(super) gone: bool,
}

impl MovieRow {
    fn announced(recorded: &Recorded, announcement: &Announcement) -> Self {
        let mut row = Self {
            id: recorded.envelope.aggregate_id.clone(),
            title: String::new(),
            runtime_minutes: None,
            age_rating: None,
            ratings: Vec::new(),
            genres: Vec::new(),
            premiere_date: None,
            sequence: recorded.envelope.sequence.0,
            gone: false,
        };
        row.set_details(&announcement.details);
        row.set_premiere(&announcement.premiere);
        row
    }

    fn set_details(&mut self, details: &MovieDetails) {
        self.title = details.title.to_string();
        self.runtime_minutes = details.runtime_minutes.map(|runtime| runtime.minutes());
        self.age_rating = details.ratings.age().map(|rating| rating.to_string());
        self.ratings = ratings(&details.ratings);
        self.genres = details.genres.as_slice().iter().map(Genre::to_string).collect();
    }

    fn set_premiere(&mut self, premiere: &Premiere) {
        self.premiere_date = premiere.premiere_date.map(|date| date.to_string());
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
            MovieEvent::DetailsUpdated(details) => self.set_details(details),
            MovieEvent::PremiereRescheduled(premiere) => self.set_premiere(premiere),
            MovieEvent::Withdrawn {} => self.gone = true,
        }
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
    use crate::row::testing::{assert_guarded, recorded, row_of};

    fn details(title: &str) -> Value {
        json!({"title": title, "synopsis": "", "runtime_minutes": 117, "age_rating": "16", "genres": ["horror"]})
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
    fn the_catalog_follows_a_movies_details_and_its_premiere() {
        let row: MovieRow = row_of(&stream()).expect("a valid stream");
        assert_eq!(
            (row.title.as_str(), row.premiere_date.as_deref()),
            ("ALIEN", Some("1979-10-25"))
        );
        assert_eq!((row.sequence, row.gone), (3, false));
    }

    #[test]
    fn a_movie_that_was_withdrawn_is_back_with_a_new_release() {
        let mut events = stream();
        events.push(recorded(4, "movie.withdrawn", "1", json!({})));
        events.push(recorded(
            5,
            "movie.announced",
            "3",
            json!({"title": "Alien", "premiere_date": "2029"}),
        ));
        let row: MovieRow = row_of(&events).expect("a valid stream");
        assert_eq!((row.sequence, row.gone, row.runtime_minutes), (5, false, None));
        assert_eq!(row.premiere_date.as_deref(), Some("2029"));
    }

    #[test]
    fn a_movie_takes_only_the_next_event_of_the_stream() {
        assert_guarded::<MovieRow>(&stream(), &recorded(4, "movie.withdrawn", "1", json!({})));
    }
}
