//! What one movie's stream has come to.

use chrono::{DateTime, NaiveDate, Utc};
use domain::{AgeRating, Event, Genre, Genres, MovieEvent, RuntimeMinutes, Sequence, Synopsis, Title};

use crate::Recorded;
use crate::row::{Contradiction, Row, expect_next};

/// The row of a movie.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub(super) struct MovieRow {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) synopsis: String,
    pub(super) runtime_minutes: i32,
    pub(super) age_rating: String,
    pub(super) genres: Vec<String>,
    pub(super) premiere_date: NaiveDate,
    pub(super) announced_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) sequence: i64,
    pub(super) gone: bool,
}

impl MovieRow {
    fn set_details(
        &mut self,
        title: &Title,
        synopsis: &Synopsis,
        runtime_minutes: RuntimeMinutes,
        age_rating: AgeRating,
        genres: &Genres,
    ) {
        title.as_str().clone_into(&mut self.title);
        synopsis.as_str().clone_into(&mut self.synopsis);
        self.runtime_minutes = runtime_minutes.minutes();
        age_rating.as_str().clone_into(&mut self.age_rating);
        self.genres = genres.as_slice().iter().map(Genre::to_string).collect();
    }
}

impl Row for MovieRow {
    fn begin(recorded: &Recorded) -> Result<Self, Contradiction> {
        let Event::Movie(MovieEvent::Announced {
            title,
            synopsis,
            runtime_minutes,
            age_rating,
            genres,
            premiere_date,
        }) = &recorded.event
        else {
            return Err(Contradiction::misplaced(recorded));
        };
        let envelope = &recorded.envelope;
        let mut row = Self {
            id: envelope.aggregate_id.clone(),
            title: String::new(),
            synopsis: String::new(),
            runtime_minutes: 0,
            age_rating: String::new(),
            genres: Vec::new(),
            premiere_date: premiere_date.date(),
            announced_at: envelope.recorded_at,
            updated_at: envelope.recorded_at,
            sequence: envelope.sequence.0,
            gone: false,
        };
        row.set_details(title, synopsis, *runtime_minutes, *age_rating, genres);
        Ok(row)
    }

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Contradiction> {
        expect_next(Sequence(self.sequence), self.gone, recorded)?;
        let Event::Movie(event) = &recorded.event else {
            return Err(Contradiction::misplaced(recorded));
        };
        match event {
            MovieEvent::Announced { .. } => return Err(Contradiction::misplaced(recorded)),
            MovieEvent::DetailsUpdated {
                title,
                synopsis,
                runtime_minutes,
                age_rating,
                genres,
            } => {
                self.set_details(title, synopsis, *runtime_minutes, *age_rating, genres);
            }
            MovieEvent::PremiereRescheduled { premiere_date } => self.premiere_date = premiere_date.date(),
            MovieEvent::Withdrawn {} => self.gone = true,
        }
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
            (row.title.as_str(), row.runtime_minutes, row.age_rating.as_str()),
            ("ALIEN", 117, "16")
        );
        assert_eq!(row.genres, ["horror", "science-fiction"]);
        assert_eq!(row.premiere_date.to_string(), "1979-10-25");
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
    fn a_movie_takes_only_the_next_event_of_the_stream() {
        assert_guarded::<MovieRow>(&stream(), &recorded(4, "movie.withdrawn", "1", json!({})));
    }
}
