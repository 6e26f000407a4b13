//! Commands about movies.

use domain::AgeRating;
use rand::RngExt;
use rand::seq::IndexedRandom;
use reqwest::Method;
use serde_json::{Value, json};

use super::Generator;
use crate::load::command::Command;
use crate::load::subject::{Movie, Subject};
use crate::load::words::{GENRES, any, full_name, title};

const GENRES_PER_MOVIE: usize = 2;

impl Generator {
    pub(super) fn announce_movie(&mut self) -> Command {
        let movie = Movie {
            id: self.new_id(),
            title: title(&mut self.rng),
            revision: 0,
            premiere_date: self.any_day(),
        };
        let mut body = self.details(&movie);
        body["id"] = json!(movie.id);
        body["premiere_date"] = json!(movie.premiere_date.to_string());
        self.command(
            (Method::POST, "/movies".to_owned(), Some(body)),
            vec![],
            vec![Subject::Movie(movie)],
        )
    }

    pub(super) fn update_movie_details(&mut self) -> Command {
        let Some(movie) = self.movies.take(&mut self.rng) else {
            return self.announce_movie();
        };
        let after = Movie {
            revision: movie.revision + 1,
            ..movie.clone()
        };
        let body = self.details(&after);
        let request = (Method::PUT, format!("/movies/{}/details", movie.id), Some(body));
        self.command(request, vec![Subject::Movie(movie)], vec![Subject::Movie(after)])
    }

    pub(super) fn reschedule_premiere(&mut self) -> Command {
        let Some(movie) = self.movies.take(&mut self.rng) else {
            return self.announce_movie();
        };
        let drawn = self.any_day();
        // The next day where it would stay: every rescheduling changes something.
        let premiere_date = if drawn == movie.premiere_date {
            drawn.succ_opt().unwrap_or(self.today)
        } else {
            drawn
        };
        let body = json!({"premiere_date": premiere_date.to_string()});
        let request = (Method::PUT, format!("/movies/{}/premiere", movie.id), Some(body));
        let after = Movie {
            premiere_date,
            ..movie.clone()
        };
        self.command(request, vec![Subject::Movie(movie)], vec![Subject::Movie(after)])
    }

    pub(super) fn withdraw_movie(&mut self) -> Command {
        let Some(movie) = self.movies.take(&mut self.rng) else {
            return self.announce_movie();
        };
        let request = (Method::DELETE, format!("/movies/{}", movie.id), None);
        self.command(request, vec![Subject::Movie(movie)], vec![])
    }

    /// The synopsis is another one with every revision, so that every update changes something.
    fn details(&mut self, movie: &Movie) -> Value {
        let genres: Vec<&str> = GENRES.sample(&mut self.rng, GENRES_PER_MOVIE).copied().collect();
        json!({
            "title": movie.title,
            "synopsis": format!("Cut {} of a story that is made up as it goes.", movie.revision + 1),
            "runtime_minutes": self.rng.random_range(70..=200),
            "age_rating": any(&AgeRating::VALUES, &mut self.rng).as_str(),
            "genres": genres,
            "credits": [{"name": full_name(&mut self.rng), "role": "director"}],
        })
    }
}
