//! What comes next: a seeded mix of commands, each valid for what the run has made so far.
//!
//! # Guarantees
//!
//! A subject is in the pool only while no command is about it, as the last settled command has left it. So every command
//! is valid when it is sent, in whatever order answers come. Where the mix asks for a subject that is not there, a new
//! one is made. The same seed and the same answers in the same order make the same commands, but for the run's id.

mod cinemas;
mod movies;
mod users;

use chrono::{Days, NaiveDate};
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::Value;

use super::command::{Command, Effect, Request, Settled};
use super::subject::{Cinema, Movie, Pool, Subject, User};

/// A premiere is at most so many days from today.
const PREMIERE_DAYS_MAX: u64 = 60;

/// What a command is about and what it does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    RegisterUser,
    SetProfile,
    GrantRole,
    RevokeRole,
    RecordLogin,
    DeleteUser,
    AnnounceMovie,
    UpdateMovieDetails,
    ReschedulePremiere,
    WithdrawMovie,
    OpenCinema,
    UpdateCinemaDetails,
    AddToProgramme,
    RemoveFromProgramme,
    CloseCinema,
}

/// How many of a thousand commands are of each kind.
const MIX: [(Kind, u16); 15] = [
    (Kind::RegisterUser, 160),
    (Kind::SetProfile, 180),
    (Kind::GrantRole, 90),
    (Kind::RevokeRole, 30),
    (Kind::RecordLogin, 120),
    (Kind::DeleteUser, 20),
    (Kind::AnnounceMovie, 70),
    (Kind::UpdateMovieDetails, 80),
    (Kind::ReschedulePremiere, 60),
    (Kind::WithdrawMovie, 10),
    (Kind::OpenCinema, 14),
    (Kind::UpdateCinemaDetails, 14),
    (Kind::AddToProgramme, 110),
    (Kind::RemoveFromProgramme, 40),
    (Kind::CloseCinema, 2),
];

/// Makes one command after the other.
#[derive(Debug)]
pub(crate) struct Generator {
    run: String,
    rng: ChaCha8Rng,
    today: NaiveDate,
    commands_made: u64,
    subjects_made: u64,
    users: Pool<User>,
    movies: Pool<Movie>,
    cinemas: Pool<Cinema>,
}

impl Generator {
    /// Begins a run; all its ids and keys begin with `run`, its premieres are around `today`.
    pub(crate) fn new(run: &str, seed: u64, today: NaiveDate) -> Self {
        Self {
            run: run.to_owned(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            today,
            commands_made: 0,
            subjects_made: 0,
            users: Pool::new(),
            movies: Pool::new(),
            cinemas: Pool::new(),
        }
    }

    /// Makes the next command. Nothing else is made about its subjects until it is settled.
    pub(crate) fn next(&mut self) -> Command {
        let drawn = MIX.choose_weighted(&mut self.rng, |(_, weight)| *weight);
        let (kind, _) = drawn.expect("the weights are not all zero");
        match kind {
            Kind::RegisterUser => self.register_user(),
            Kind::SetProfile => self.set_profile(),
            Kind::GrantRole => self.grant_role(),
            Kind::RevokeRole => self.revoke_role(),
            Kind::RecordLogin => self.record_login(),
            Kind::DeleteUser => self.delete_user(),
            Kind::AnnounceMovie => self.announce_movie(),
            Kind::UpdateMovieDetails => self.update_movie_details(),
            Kind::ReschedulePremiere => self.reschedule_premiere(),
            Kind::WithdrawMovie => self.withdraw_movie(),
            Kind::OpenCinema => self.open_cinema(),
            Kind::UpdateCinemaDetails => self.update_cinema_details(),
            Kind::AddToProgramme => self.add_to_programme(),
            Kind::RemoveFromProgramme => self.remove_from_programme(),
            Kind::CloseCinema => self.close_cinema(),
        }
    }

    /// Takes back the subjects of a command that has ended.
    pub(crate) fn settle(&mut self, effect: Effect, settled: Settled) {
        let subjects = match settled {
            Settled::Accepted => effect.after,
            Settled::NothingChanged => effect.before,
            Settled::Unknown => Vec::new(),
        };
        for subject in subjects {
            match subject {
                Subject::User(user) => self.users.put(user),
                Subject::Movie(movie) => self.movies.put(movie),
                Subject::Cinema(cinema) => self.cinemas.put(cinema),
            }
        }
    }

    fn command(
        &mut self,
        (method, path, body): (Method, String, Option<Value>),
        before: Vec<Subject>,
        after: Vec<Subject>,
    ) -> Command {
        self.commands_made += 1;
        let key = format!("{}-{}", self.run, self.commands_made);
        Command {
            request: Request {
                key,
                method,
                path,
                body,
            },
            effect: Effect { before, after },
        }
    }

    /// An id that nothing else has, in this run and in others.
    fn new_id(&mut self) -> String {
        self.subjects_made += 1;
        format!("{}-{}", self.run, self.subjects_made)
    }

    fn any_day(&mut self) -> NaiveDate {
        let days = self.rng.random_range(0..=2 * PREMIERE_DAYS_MAX);
        self.today + Days::new(days) - Days::new(PREMIERE_DAYS_MAX)
    }
}

#[cfg(test)]
mod tests;
