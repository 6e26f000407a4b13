//! Commands about cinemas and their programmes.

use rand::RngExt;
use reqwest::Method;
use serde_json::{Value, json};

use super::Generator;
use crate::load::command::Command;
use crate::load::subject::{Cinema, Subject};
use crate::load::words::{CITIES, house, street};

/// A programme is kept to a size that a cinema may have; the rules allow far more.
pub(super) const PROGRAMME_MAX: usize = 30;

impl Generator {
    pub(super) fn open_cinema(&mut self) -> Command {
        let cinema = Cinema {
            id: self.new_id(),
            name: house(&mut self.rng),
            city: self.rng.random_range(0..CITIES.len() as u64) as usize,
            revision: 0,
            programme: Vec::new(),
        };
        let mut body = self.cinema_details(&cinema);
        body["id"] = json!(cinema.id);
        self.command(
            (Method::POST, "/cinemas".to_owned(), Some(body)),
            vec![],
            vec![Subject::Cinema(cinema)],
        )
    }

    pub(super) fn update_cinema_details(&mut self) -> Command {
        let Some(cinema) = self.cinemas.take(&mut self.rng) else {
            return self.open_cinema();
        };
        let after = Cinema {
            revision: cinema.revision + 1,
            ..cinema.clone()
        };
        let body = self.cinema_details(&after);
        let request = (Method::PUT, format!("/cinemas/{}/details", cinema.id), Some(body));
        self.command(request, vec![Subject::Cinema(cinema)], vec![Subject::Cinema(after)])
    }

    pub(super) fn add_to_programme(&mut self) -> Command {
        let Some(cinema) = self.cinemas.take(&mut self.rng) else {
            return self.open_cinema();
        };
        if cinema.programme.len() >= PROGRAMME_MAX {
            return self.remove_any_from(cinema);
        }
        self.add_any_to(cinema)
    }

    pub(super) fn remove_from_programme(&mut self) -> Command {
        let Some(cinema) = self.cinemas.take(&mut self.rng) else {
            return self.open_cinema();
        };
        if cinema.programme.is_empty() {
            return self.add_any_to(cinema);
        }
        self.remove_any_from(cinema)
    }

    pub(super) fn close_cinema(&mut self) -> Command {
        let Some(cinema) = self.cinemas.take(&mut self.rng) else {
            return self.open_cinema();
        };
        let request = (Method::DELETE, format!("/cinemas/{}", cinema.id), None);
        self.command(request, vec![Subject::Cinema(cinema)], vec![])
    }

    /// Adds a movie that it does not show. The movie is held too: it must not be withdrawn meanwhile.
    fn add_any_to(&mut self, cinema: Cinema) -> Command {
        let Some(movie) = self.movies.take(&mut self.rng) else {
            self.cinemas.put(cinema);
            return self.announce_movie();
        };
        if cinema.programme.contains(&movie.id) {
            self.movies.put(movie);
            return self.remove_any_from(cinema);
        }
        let mut after = cinema.clone();
        after.programme.push(movie.id.clone());
        let request = (
            Method::PUT,
            format!("/cinemas/{}/programme/{}", cinema.id, movie.id),
            None,
        );
        let movie = Subject::Movie(movie);
        self.command(
            request,
            vec![Subject::Cinema(cinema), movie.clone()],
            vec![Subject::Cinema(after), movie],
        )
    }

    /// Removes one of the movies it shows, which are some.
    fn remove_any_from(&mut self, cinema: Cinema) -> Command {
        let mut after = cinema.clone();
        let place = self.rng.random_range(0..cinema.programme.len() as u64);
        let movie_id = after.programme.swap_remove(place as usize);
        let request = (
            Method::DELETE,
            format!("/cinemas/{}/programme/{movie_id}", cinema.id),
            None,
        );
        self.command(request, vec![Subject::Cinema(cinema)], vec![Subject::Cinema(after)])
    }

    /// The house number is another one with every revision, so that every update changes something.
    fn cinema_details(&mut self, cinema: &Cinema) -> Value {
        let city = &CITIES[cinema.city];
        json!({
            "name": cinema.name,
            "city_id": city.id,
            "address": format!("{} {}", street(&mut self.rng), cinema.revision + 1),
            "time_zone": city.time_zone,
        })
    }
}
