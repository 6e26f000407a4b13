//! Every command that is made is judged by the domain itself.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;

use chrono::NaiveDate;
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use domain::{
    Address, AgeRating, Announcement, Cinema, CinemaCommand, CinemaName, CityId, Credit, Credits, Email, FullName,
    Genres, Movie, MovieCommand, MovieDetails, MovieId, Premiere, PremiereDate, Role, RuntimeMinutes, Synopsis,
    TimeZone, Title, User, UserCommand, UserId,
};
use reqwest::Method;
use serde_json::Value;

use super::cinemas::PROGRAMME_MAX;
use super::{Generator, Kind, MIX};
use crate::load::command::{Command, Request, Settled};

const COMMANDS: usize = 5_000;

fn generator(run: &str, seed: u64) -> Generator {
    Generator::new(run, seed, NaiveDate::from_ymd_opt(2026, 11, 24).expect("a day"))
}

/// The platform as the commands so far have made it.
#[derive(Default)]
struct Judge {
    users: HashMap<String, User>,
    movies: HashMap<String, Movie>,
    cinemas: HashMap<String, Cinema>,
    keys: BTreeSet<String>,
}

/// Lets an aggregate take a command: it must be accepted, and change something.
fn accept<A>(aggregates: &mut HashMap<String, A>, id: &str, command: A::Command)
where
    A: Aggregate<Services = ()> + Clone,
    A::Error: Debug,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let aggregate = aggregates.entry(id.to_owned()).or_default();
    runtime.block_on(async {
        let sink = EventSink::default();
        aggregate.handle(command, &(), &sink).await.expect("it is valid");
        assert_eq!(sink.collect().await.len(), 1, "it changes something");
    });
}

impl Judge {
    fn judge(&mut self, request: &Request) {
        assert!(self.keys.insert(request.key.clone()), "a key of its own: {request:?}");
        let body = request.body.clone().unwrap_or_default();
        let path: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        let id = path.get(1).copied().or(body["id"].as_str()).expect("an id");
        let post = request.method == Method::POST;
        match (path[0], path.get(2).copied()) {
            ("users", action) => accept(&mut self.users, id, user_command(&path, action, post, &body, id)),
            ("movies", action) => accept(&mut self.movies, id, movie_command(action, post, &body, id)),
            ("cinemas", action) => {
                let command = self.cinema_command(action, path.get(3).copied(), &request.method, &body);
                CityId::parse(id).expect("an id is made of the same characters");
                accept(&mut self.cinemas, id, command);
            }
            _ => panic!("no such route: {request:?}"),
        }
    }

    fn cinema_command(
        &self,
        action: Option<&str>,
        movie: Option<&str>,
        method: &Method,
        body: &Value,
    ) -> CinemaCommand {
        let name = || CinemaName::parse(text(body, "name")).expect("a name");
        let city_id = || CityId::parse(text(body, "city_id")).expect("a city");
        let address = || Address::parse(text(body, "address")).expect("an address");
        let time_zone = || TimeZone::parse(text(body, "time_zone")).expect("a time zone");
        let movie_id = || MovieId::parse(movie.expect("a movie")).expect("an id");
        match action {
            None if *method == Method::POST => CinemaCommand::Open {
                name: name(),
                city_id: city_id(),
                address: address(),
                time_zone: time_zone(),
            },
            Some("details") => CinemaCommand::UpdateDetails {
                name: name(),
                city_id: city_id(),
                address: address(),
                time_zone: time_zone(),
            },
            Some("programme") if *method == Method::PUT => CinemaCommand::AddToProgramme {
                movie_id: movie_id(),
                movie: self.movies[movie.expect("a movie")].standing(),
            },
            Some("programme") => CinemaCommand::RemoveFromProgramme { movie_id: movie_id() },
            None => CinemaCommand::Close,
            Some(other) => panic!("no such route: {other}"),
        }
    }
}

fn text<'a>(body: &'a Value, field: &str) -> &'a str {
    body[field].as_str().unwrap_or_else(|| panic!("no {field}: {body}"))
}

fn user_command(path: &[&str], action: Option<&str>, post: bool, body: &Value, id: &str) -> UserCommand {
    UserId::parse(id).expect("an id");
    let full_name = || FullName::parse(text(body, "full_name")).expect("a name");
    let email = || Some(Email::parse(text(body, "email")).expect("an address"));
    let role = |text: &str| Role::parse(text).expect("a role");
    match (action, post) {
        (None, true) if path.len() == 1 => UserCommand::Register {
            full_name: full_name(),
            email: email(),
        },
        (None, true) => UserCommand::SetProfile {
            full_name: Some(full_name()),
            email: email(),
        },
        (None, false) => UserCommand::Delete,
        (Some("roles"), true) => UserCommand::GrantRole {
            role: role(text(body, "role")),
        },
        (Some("roles"), false) => UserCommand::RevokeRole { role: role(path[3]) },
        (Some("logins"), true) => UserCommand::RecordLogin,
        other => panic!("no such route: {other:?}"),
    }
}

fn movie_command(action: Option<&str>, post: bool, body: &Value, id: &str) -> MovieCommand {
    MovieId::parse(id).expect("an id");
    let details = || {
        let genres: Vec<String> = serde_json::from_value(body["genres"].clone()).expect("a list");
        let runtime = body["runtime_minutes"].as_i64().expect("a number");
        let credits = body["credits"].as_array().expect("a list").iter();
        let credits =
            credits.map(|credit| Credit::parse(text(credit, "name"), text(credit, "role"), None).expect("a credit"));
        MovieDetails {
            synopsis: Some(Synopsis::parse(text(body, "synopsis")).expect("a synopsis")),
            runtime_minutes: Some(RuntimeMinutes::parse(runtime).expect("a runtime")),
            ratings: AgeRating::parse(text(body, "age_rating")).expect("a rating").into(),
            genres: Genres::parse(genres).expect("genres"),
            credits: Credits::parse(credits.collect()).expect("credits"),
            ..MovieDetails::of(Title::parse(text(body, "title")).expect("a title"))
        }
    };
    let premiere = || Premiere::from(PremiereDate::parse(text(body, "premiere_date")).expect("a date"));
    match action {
        None if post => MovieCommand::Announce {
            announcement: Box::new(Announcement {
                details: details(),
                premiere: premiere(),
            }),
            new_release: false,
        },
        None => MovieCommand::Withdraw,
        Some("details") => MovieCommand::UpdateDetails(Box::new(details())),
        Some("premiere") => MovieCommand::ReschedulePremiere(premiere()),
        Some(other) => panic!("no such route: {other}"),
    }
}

#[test]
fn every_command_is_valid_and_changes_something() {
    let (mut generator, mut judge) = (generator("load-a", 1), Judge::default());
    for _ in 0..COMMANDS {
        let Command { request, effect } = generator.next();
        judge.judge(&request);
        generator.settle(effect, Settled::Accepted);
    }
    let fullest = judge.cinemas.values().map(|cinema| cinema.programme().len()).max();
    assert!(
        fullest.is_some_and(|movies| (5..=PROGRAMME_MAX).contains(&movies)),
        "{fullest:?}"
    );
}

#[test]
fn it_stays_valid_while_many_are_on_their_way_and_some_come_to_nothing() {
    for seed in 0..5 {
        let (mut generator, mut judge) = (generator("load-a", seed), Judge::default());
        let mut sent: Vec<Command> = Vec::new();
        for number in 0..COMMANDS {
            sent.push(generator.next());
            if sent.len() < 50 {
                continue;
            }
            // Answers come in any order; what was accepted without an answer is never known.
            let Command { request, effect } = sent.swap_remove(number * 7 % 50);
            match number % 10 {
                0 => generator.settle(effect, Settled::NothingChanged),
                1 => {
                    judge.judge(&request);
                    generator.settle(effect, Settled::Unknown);
                }
                2 => generator.settle(effect, Settled::Unknown),
                _ => {
                    judge.judge(&request);
                    generator.settle(effect, Settled::Accepted);
                }
            }
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_commands_under_the_ids_of_its_run() {
    let requests = |run: &str, seed| -> Vec<Request> {
        let mut generator = generator(run, seed);
        let next = |_| {
            let Command { request, effect } = generator.next();
            generator.settle(effect, Settled::Accepted);
            request
        };
        (0..500).map(next).collect()
    };
    let first = requests("load-a", 1);
    assert_eq!(first, requests("load-a", 1));
    assert_ne!(first, requests("load-a", 2));
    let renamed = format!("{:?}", requests("load-b", 1)).replace("load-b-", "load-a-");
    assert_eq!(renamed, format!("{first:?}"));
    let ids: BTreeSet<&str> = first
        .iter()
        .filter_map(|request| request.body.as_ref()?["id"].as_str())
        .collect();
    assert!(
        ids.len() > 100 && ids.iter().all(|id| id.starts_with("load-a-")),
        "{ids:?}"
    );
}

#[test]
fn every_kind_has_its_share_of_a_thousand() {
    assert_eq!(MIX.iter().map(|(_, weight)| weight).sum::<u16>(), 1_000);
    let kinds: BTreeSet<String> = MIX.iter().map(|(kind, _)| format!("{kind:?}")).collect();
    assert_eq!(kinds.len(), MIX.len());
    assert!(
        MIX.contains(&(Kind::CloseCinema, 2)),
        "cinemas outnumber those that close"
    );
    let (mut generator, mut routes) = (generator("load-a", 1), BTreeSet::new());
    for _ in 0..COMMANDS {
        let Command { request, effect } = generator.next();
        let path: Vec<&str> = request.path.split('/').collect();
        routes.insert((
            request.method.to_string(),
            path[1].to_owned(),
            path.len(),
            path.get(3).copied().map(str::to_owned),
        ));
        generator.settle(effect, Settled::Accepted);
    }
    assert_eq!(routes.len(), MIX.len(), "{routes:#?}");
    assert!(generator.users.len() > 100 && generator.movies.len() > 50 && generator.cinemas.len() > 10);
}
