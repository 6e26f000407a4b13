//! What commands are about: the users, movies and cinemas of a run.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use domain::Role;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

/// How many of a kind are kept in mind; those that do not fit are left alone from then on.
const POOL_MAX: usize = 10_000;

/// A user, a movie or a cinema.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Subject {
    User(User),
    Movie(Movie),
    Cinema(Cinema),
}

/// A registered user.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct User {
    pub(crate) id: String,
    /// How often the profile was changed.
    pub(crate) revision: u32,
    pub(crate) roles: BTreeSet<Role>,
}

/// An announced movie.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Movie {
    pub(crate) id: String,
    pub(crate) title: String,
    /// How often the details were changed.
    pub(crate) revision: u32,
    pub(crate) premiere_date: NaiveDate,
}

/// An open cinema.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cinema {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Its place in the list of cities.
    pub(crate) city: usize,
    /// How often the details were changed.
    pub(crate) revision: u32,
    pub(crate) programme: Vec<String>,
}

/// Subjects that no command is about at the moment.
#[derive(Debug)]
pub(crate) struct Pool<T>(Vec<T>);

impl<T> Pool<T> {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes any one out.
    pub(crate) fn take(&mut self, rng: &mut ChaCha8Rng) -> Option<T> {
        if self.0.is_empty() {
            return None;
        }
        let place = rng.random_range(0..self.0.len() as u64);
        Some(self.0.swap_remove(place as usize))
    }

    pub(crate) fn put(&mut self, subject: T) {
        if self.0.len() < POOL_MAX {
            self.0.push(subject);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    use super::{POOL_MAX, Pool};

    #[test]
    fn each_is_taken_once_and_what_does_not_fit_is_left_alone() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut pool = Pool::new();
        for number in 0..=POOL_MAX {
            pool.put(number);
        }
        let mut taken: Vec<usize> = std::iter::from_fn(|| pool.take(&mut rng)).collect();
        assert!(!taken.is_sorted());
        taken.sort_unstable();
        assert_eq!(taken, (0..POOL_MAX).collect::<Vec<_>>());
    }
}
