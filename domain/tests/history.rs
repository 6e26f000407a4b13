//! Properties of histories: folding what a stream recorded gives the state that recorded it.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fmt::Debug;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use domain::{
    Address, AgeRating, Announcement, Cinema, CinemaCommand, CinemaEvent, CinemaName, CityId, Country, CountryPremiere,
    CountryPremieres, Credit, Credits, Email, Event, FullName, Genres, Movie, MovieCommand, MovieDetails, MovieEvent,
    MovieId, MovieStanding, Premiere, PremiereDate, Rating, Ratings, Role, RuntimeMinutes, Synopsis, TimeZone, Title,
    User, UserCommand, UserEvent,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;
use serde_json::Value;

/// Lets a new aggregate take the commands one by one; gives it and what it recorded. A rejection leaves no trace.
fn live<A>(commands: Vec<A::Command>) -> (A, Vec<A::Event>)
where
    A: Aggregate<Services = ()> + Clone + PartialEq + Debug,
{
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut aggregate = A::default();
        let mut history = vec![];
        for command in commands {
            let before = aggregate.clone();
            let sink = EventSink::default();
            let accepted = aggregate.handle(command, &(), &sink).await.is_ok();
            let events = sink.collect().await;
            if !accepted {
                assert!(events.is_empty(), "a rejected command writes nothing");
            }
            if events.is_empty() {
                assert_eq!(aggregate, before, "no event, no change");
            }
            history.extend(events);
        }
        (aggregate, history)
    })
}

fn fold<A: Aggregate>(history: impl IntoIterator<Item = A::Event>) -> A {
    let mut aggregate = A::default();
    for event in history {
        aggregate.apply(event);
    }
    aggregate
}

/// Writes an event as the log does and reads it back from what is carried, the aggregate's id in front.
fn store_and_decode<E: DomainEvent>(event: &E) -> Event {
    let stored = serde_json::to_string(event).unwrap();
    let carried = stored.replacen('{', r#"{"id":"a-1","#, 1);
    let fields: Value = serde_json::from_str(&carried).unwrap();
    assert_eq!(fields["type"], event.event_type());
    Event::decode(&event.event_type(), &event.event_version(), &carried).unwrap()
}

/// Checks every property of histories for one sequence of commands.
fn check<A>(commands: Vec<A::Command>, unwrap: fn(Event) -> Option<A::Event>)
where
    A: Aggregate<Services = ()> + Clone + PartialEq + Debug,
{
    let (aggregate, history) = live::<A>(commands);
    assert_eq!(
        fold::<A>(history.clone()),
        aggregate,
        "folding the history gives the state"
    );

    let decoded: Vec<A::Event> = history
        .iter()
        .map(|event| unwrap(store_and_decode(event)).unwrap())
        .collect();
    assert_eq!(decoded, history, "events come back as they were written");

    let saved = serde_json::to_string(&aggregate).unwrap();
    assert_eq!(
        serde_json::from_str::<A>(&saved).unwrap(),
        aggregate,
        "a state comes back as it was saved"
    );
}

fn user_event(event: Event) -> Option<UserEvent> {
    if let Event::User(event) = event {
        Some(event)
    } else {
        None
    }
}

fn movie_event(event: Event) -> Option<MovieEvent> {
    if let Event::Movie(event) = event {
        Some(event)
    } else {
        None
    }
}

fn cinema_event(event: Event) -> Option<CinemaEvent> {
    if let Event::Cinema(event) = event {
        Some(event)
    } else {
        None
    }
}

fn full_name() -> impl Strategy<Value = FullName> {
    select(vec!["usama", "Åsa Öberg", "Ada \"King\" \\ Lovelace"]).prop_map(|text| FullName::parse(text).unwrap())
}

fn email() -> impl Strategy<Value = Email> {
    select(vec!["a@example.org", "ü@exämple.org"]).prop_map(|text| Email::parse(text).unwrap())
}

fn role() -> impl Strategy<Value = Role> {
    select(Role::VALUES.to_vec())
}

/// Few values, so that equal ones meet; endings are rare, so that histories get long.
fn user_command() -> impl Strategy<Value = UserCommand> {
    prop_oneof![
        2 => (full_name(), option::of(email()))
            .prop_map(|(full_name, email)| UserCommand::Register { full_name, email }),
        4 => (option::of(full_name()), option::of(email()))
            .prop_map(|(full_name, email)| UserCommand::UpdateProfile { full_name, email }),
        4 => (option::of(full_name()), option::of(email()))
            .prop_map(|(full_name, email)| UserCommand::SetProfile { full_name, email }),
        6 => role().prop_map(|role| UserCommand::GrantRole { role }),
        4 => role().prop_map(|role| UserCommand::RevokeRole { role }),
        2 => Just(UserCommand::RecordLogin),
        1 => Just(UserCommand::Delete),
    ]
}

fn ratings() -> impl Strategy<Value = Ratings> {
    prop_oneof![
        Just(Ratings::default()),
        select(AgeRating::VALUES.to_vec()).prop_map(Ratings::from),
        Just(Ratings::parse(vec![Rating::parse("mpa", "PG-13").unwrap()]).unwrap()),
    ]
}

fn movie_details() -> impl Strategy<Value = MovieDetails> {
    (
        select(vec!["Solaris", "Сталкер"]).prop_map(|text| Title::parse(text).unwrap()),
        option::of(select(vec!["", "line\nline"]).prop_map(|text| Synopsis::parse(text).unwrap())),
        option::of(select(vec![1, 60_000]).prop_map(|minutes| RuntimeMinutes::parse(minutes).unwrap())),
        ratings(),
        select(vec!["drama", "film-noir"]).prop_map(|genre| Genres::parse(vec![genre.to_owned()]).unwrap()),
        select(vec!["director", "actor"]).prop_map(|role| vec![Credit::parse("Ada King", role, None).unwrap()]),
    )
        .prop_map(
            |(title, synopsis, runtime_minutes, ratings, genres, credits)| MovieDetails {
                synopsis,
                runtime_minutes,
                ratings,
                genres,
                credits: Credits::parse(credits).unwrap(),
                ..MovieDetails::of(title)
            },
        )
}

fn premiere_date() -> impl Strategy<Value = PremiereDate> {
    select(vec!["1888-01-01", "2024-02-29", "2024-02", "2200"]).prop_map(|text| PremiereDate::parse(text).unwrap())
}

fn premiere() -> impl Strategy<Value = Premiere> {
    (option::of(premiere_date()), option::of(premiere_date())).prop_map(|(anywhere, in_france)| {
        let country = Country::parse("FR").unwrap();
        let premieres = in_france.map(|date| CountryPremiere { country, date }).into_iter();
        Premiere {
            premiere_date: anywhere,
            premieres: CountryPremieres::parse(premieres.collect()).unwrap(),
        }
    })
}

fn movie_command() -> impl Strategy<Value = MovieCommand> {
    prop_oneof![
        3 => (movie_details(), premiere(), any::<bool>()).prop_map(|(details, premiere, new_release)| {
            let announcement = Box::new(Announcement { details, premiere });
            MovieCommand::Announce { announcement, new_release }
        }),
        4 => movie_details().prop_map(|details| MovieCommand::UpdateDetails(Box::new(details))),
        4 => premiere().prop_map(MovieCommand::ReschedulePremiere),
        1 => Just(MovieCommand::Withdraw),
    ]
}

fn cinema_details() -> impl Strategy<Value = (CinemaName, CityId, Address, TimeZone)> {
    (
        select(vec!["Grand Rex", "Kino"]).prop_map(|text| CinemaName::parse(text).unwrap()),
        select(vec!["paris", "berlin"]).prop_map(|text| CityId::parse(text).unwrap()),
        select(vec!["1 rue", "2 rue"]).prop_map(|text| Address::parse(text).unwrap()),
        select(vec!["Europe/Paris", "Europe/Lisbon"]).prop_map(|text| TimeZone::parse(text).unwrap()),
    )
}

fn movie_id() -> impl Strategy<Value = MovieId> {
    (0..6_u8).prop_map(|number| MovieId::parse(&number.to_string()).unwrap())
}

fn standing() -> impl Strategy<Value = MovieStanding> {
    prop_oneof![
        6 => Just(MovieStanding::Announced),
        1 => Just(MovieStanding::Withdrawn),
        1 => Just(MovieStanding::Unknown),
    ]
}

fn cinema_command() -> impl Strategy<Value = CinemaCommand> {
    prop_oneof![
        2 => cinema_details().prop_map(|(name, city_id, address, time_zone)| {
            CinemaCommand::Open { name, city_id, address, time_zone }
        }),
        3 => cinema_details().prop_map(|(name, city_id, address, time_zone)| {
            CinemaCommand::UpdateDetails { name, city_id, address, time_zone }
        }),
        8 => (movie_id(), standing())
            .prop_map(|(movie_id, movie)| CinemaCommand::AddToProgramme { movie_id, movie }),
        4 => movie_id().prop_map(|movie_id| CinemaCommand::RemoveFromProgramme { movie_id }),
        1 => Just(CinemaCommand::Close),
    ]
}

proptest! {
    #[test]
    fn the_history_of_a_user_gives_the_user(commands in vec(user_command(), 0..40)) {
        check::<User>(commands, user_event);
    }

    #[test]
    fn the_history_of_a_movie_gives_the_movie(commands in vec(movie_command(), 0..40)) {
        check::<Movie>(commands, movie_event);
    }

    #[test]
    fn the_history_of_a_cinema_gives_the_cinema(commands in vec(cinema_command(), 0..40)) {
        check::<Cinema>(commands, cinema_event);
    }

    #[test]
    fn a_programme_never_shows_a_movie_twice(commands in vec(cinema_command(), 0..60)) {
        let (cinema, _) = live::<Cinema>(commands);
        let programme = cinema.programme();
        for (place, movie_id) in programme.iter().enumerate() {
            assert!(!programme[..place].contains(movie_id));
        }
    }

    #[test]
    fn a_command_repeated_at_once_writes_nothing_but_another_login(
        commands in vec(user_command(), 0..20),
        last in user_command(),
    ) {
        let logs_in = last == UserCommand::RecordLogin;
        let (user, once) = live::<User>([commands.clone(), vec![last.clone()]].concat());
        let (_, twice) = live::<User>([commands, vec![last.clone(), last]].concat());
        let another_login = logs_in && user.full_name().is_some();
        assert_eq!(twice.len() - once.len(), usize::from(another_login));
    }
}
