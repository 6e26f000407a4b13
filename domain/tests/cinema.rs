//! The rules of cinemas: given what happened, when a command comes, then events or a rejection.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use domain::{
    Address, Cinema, CinemaCommand, CinemaDetails, CinemaError, CinemaEvent, CinemaName, CityId, MovieId,
    MovieStanding, Rejection, RejectionKind, TimeZone,
};

fn given(events: Vec<CinemaEvent>) -> AggregateTestExecutor<Cinema> {
    TestFramework::with(()).given(events)
}

fn given_nothing() -> AggregateTestExecutor<Cinema> {
    given(vec![])
}

fn rex() -> CinemaDetails {
    CinemaDetails {
        name: CinemaName::parse("Grand Rex").unwrap(),
        city_id: CityId::parse("paris").unwrap(),
        address: Address::parse("1 boulevard Poissonnière").unwrap(),
        time_zone: TimeZone::parse("Europe/Paris").unwrap(),
    }
}

fn open() -> CinemaCommand {
    let CinemaDetails {
        name,
        city_id,
        address,
        time_zone,
    } = rex();
    CinemaCommand::Open {
        name,
        city_id,
        address,
        time_zone,
    }
}

fn opened() -> CinemaEvent {
    let CinemaDetails {
        name,
        city_id,
        address,
        time_zone,
    } = rex();
    CinemaEvent::Opened {
        name,
        city_id,
        address,
        time_zone,
    }
}

fn update(details: CinemaDetails) -> CinemaCommand {
    let CinemaDetails {
        name,
        city_id,
        address,
        time_zone,
    } = details;
    CinemaCommand::UpdateDetails {
        name,
        city_id,
        address,
        time_zone,
    }
}

fn updated(details: CinemaDetails) -> CinemaEvent {
    let CinemaDetails {
        name,
        city_id,
        address,
        time_zone,
    } = details;
    CinemaEvent::DetailsUpdated {
        name,
        city_id,
        address,
        time_zone,
    }
}

/// The details with one of them changed, for each of them.
fn each_detail_changed() -> Vec<CinemaDetails> {
    vec![
        CinemaDetails {
            name: CinemaName::parse("Le Grand Rex").unwrap(),
            ..rex()
        },
        CinemaDetails {
            city_id: CityId::parse("lyon").unwrap(),
            ..rex()
        },
        CinemaDetails {
            address: Address::parse("2 boulevard Poissonnière").unwrap(),
            ..rex()
        },
        CinemaDetails {
            time_zone: TimeZone::parse("Europe/Lisbon").unwrap(),
            ..rex()
        },
    ]
}

fn movie(id: &str) -> MovieId {
    MovieId::parse(id).unwrap()
}

fn add(id: &str, standing: MovieStanding) -> CinemaCommand {
    CinemaCommand::AddToProgramme {
        movie_id: movie(id),
        movie: standing,
    }
}

fn added(id: &str) -> CinemaEvent {
    CinemaEvent::MovieAdded { movie_id: movie(id) }
}

fn remove(id: &str) -> CinemaCommand {
    CinemaCommand::RemoveFromProgramme { movie_id: movie(id) }
}

fn removed(id: &str) -> CinemaEvent {
    CinemaEvent::MovieRemoved { movie_id: movie(id) }
}

fn opened_with_programme_of(movies: usize) -> Vec<CinemaEvent> {
    std::iter::once(opened())
        .chain((0..movies).map(|number| added(&number.to_string())))
        .collect()
}

fn fold(events: Vec<CinemaEvent>) -> Cinema {
    let mut cinema = Cinema::default();
    for event in events {
        cinema.apply(event);
    }
    cinema
}

#[test]
fn a_cinema_can_be_opened() {
    given_nothing().when(open()).then_expect_events(vec![opened()]);
}

#[test]
fn a_cinema_is_opened_only_once() {
    given(vec![opened()])
        .when(open())
        .then_expect_error(CinemaError::AlreadyExists);
}

#[test]
fn each_detail_of_an_open_cinema_can_be_updated() {
    for details in each_detail_changed() {
        given(vec![opened()])
            .when(update(details.clone()))
            .then_expect_events(vec![updated(details)]);
    }
}

#[test]
fn details_equal_to_the_present_ones_change_nothing() {
    given(vec![opened()]).when(update(rex())).then_expect_events(vec![]);
}

#[test]
fn details_are_compared_with_the_present_ones_and_not_with_the_first() {
    for details in each_detail_changed() {
        given(vec![opened(), updated(details)])
            .when(update(rex()))
            .then_expect_events(vec![updated(rex())]);
    }
}

#[test]
fn details_of_an_unknown_cinema_cannot_be_updated() {
    given_nothing()
        .when(update(rex()))
        .then_expect_error(CinemaError::NotFound);
}

#[test]
fn an_announced_movie_can_be_added_to_the_programme() {
    given(vec![opened()])
        .when(add("metropolis", MovieStanding::Announced))
        .then_expect_events(vec![added("metropolis")]);
}

#[test]
fn a_movie_that_does_not_exist_cannot_be_added() {
    given(vec![opened()])
        .when(add("metropolis", MovieStanding::Unknown))
        .then_expect_error(CinemaError::MovieNotFound);
}

#[test]
fn a_withdrawn_movie_cannot_be_added() {
    given(vec![opened()])
        .when(add("metropolis", MovieStanding::Withdrawn))
        .then_expect_error(CinemaError::MovieWithdrawn);
}

#[test]
fn adding_a_movie_that_is_in_the_programme_changes_nothing() {
    given(vec![opened(), added("metropolis"), added("nosferatu")])
        .when(add("metropolis", MovieStanding::Announced))
        .then_expect_events(vec![]);
}

#[test]
fn adding_a_movie_of_the_programme_that_was_withdrawn_since_is_rejected_as_it_is_not_shown() {
    given(vec![opened(), added("metropolis")])
        .when(add("metropolis", MovieStanding::Withdrawn))
        .then_expect_error(CinemaError::MovieWithdrawn);
}

#[test]
fn a_removed_movie_can_be_added_again() {
    given(vec![opened(), added("metropolis"), removed("metropolis")])
        .when(add("metropolis", MovieStanding::Announced))
        .then_expect_events(vec![added("metropolis")]);
}

#[test]
fn a_programme_takes_a_500th_movie() {
    given(opened_with_programme_of(499))
        .when(add("metropolis", MovieStanding::Announced))
        .then_expect_events(vec![added("metropolis")]);
}

#[test]
fn a_programme_of_500_movies_is_full() {
    given(opened_with_programme_of(500))
        .when(add("metropolis", MovieStanding::Announced))
        .then_expect_error(CinemaError::ProgrammeFull);
}

#[test]
fn adding_a_movie_that_is_in_a_full_programme_changes_nothing() {
    given(opened_with_programme_of(500))
        .when(add("7", MovieStanding::Announced))
        .then_expect_events(vec![]);
}

#[test]
fn nothing_can_be_added_to_the_programme_of_an_unknown_cinema() {
    for standing in [
        MovieStanding::Unknown,
        MovieStanding::Announced,
        MovieStanding::Withdrawn,
    ] {
        given_nothing()
            .when(add("metropolis", standing))
            .then_expect_error(CinemaError::NotFound);
    }
}

#[test]
fn a_movie_of_the_programme_can_be_removed() {
    given(vec![opened(), added("metropolis")])
        .when(remove("metropolis"))
        .then_expect_events(vec![removed("metropolis")]);
}

#[test]
fn removing_a_movie_that_is_not_in_the_programme_changes_nothing() {
    given(vec![opened(), added("metropolis")])
        .when(remove("nosferatu"))
        .then_expect_events(vec![]);
}

#[test]
fn nothing_can_be_removed_from_the_programme_of_an_unknown_cinema() {
    given_nothing()
        .when(remove("metropolis"))
        .then_expect_error(CinemaError::NotFound);
}

#[test]
fn an_open_cinema_can_be_closed() {
    given(vec![opened(), added("metropolis")])
        .when(CinemaCommand::Close)
        .then_expect_events(vec![CinemaEvent::Closed {}]);
}

#[test]
fn an_unknown_cinema_cannot_be_closed() {
    given_nothing()
        .when(CinemaCommand::Close)
        .then_expect_error(CinemaError::NotFound);
}

#[test]
fn nothing_happens_after_closing_not_even_a_new_opening() {
    for command in [
        open(),
        update(rex()),
        add("nosferatu", MovieStanding::Announced),
        add("nosferatu", MovieStanding::Unknown),
        add("metropolis", MovieStanding::Withdrawn),
        remove("metropolis"),
        CinemaCommand::Close,
    ] {
        given(vec![opened(), added("metropolis"), CinemaEvent::Closed {}])
            .when(command)
            .then_expect_error(CinemaError::Closed);
    }
}

#[test]
fn a_cinema_shows_the_present_details_and_its_programme_in_the_order_of_adding() {
    for details in each_detail_changed() {
        let cinema = fold(vec![
            opened(),
            added("metropolis"),
            added("nosferatu"),
            added("m"),
            removed("metropolis"),
            updated(details.clone()),
            added("metropolis"),
        ]);

        assert_eq!(cinema.details(), Some(&details));
        assert_eq!(
            cinema.programme(),
            [movie("nosferatu"), movie("m"), movie("metropolis")]
        );
    }
}

#[test]
fn a_closed_cinema_shows_nothing() {
    let cinema = fold(vec![opened(), added("metropolis"), CinemaEvent::Closed {}]);

    assert_eq!((cinema.details(), cinema.programme()), (None, [].as_slice()));
}

#[test]
fn an_event_that_does_not_fit_the_state_changes_nothing() {
    let unknown = [
        updated(rex()),
        added("metropolis"),
        removed("metropolis"),
        CinemaEvent::Closed {},
    ];
    assert_eq!(fold(unknown.to_vec()), Cinema::default());

    let present = [opened(), added("metropolis"), added("nosferatu")];
    let twice = [present.to_vec(), vec![opened(), added("metropolis"), removed("m")]].concat();
    assert_eq!(fold(twice), fold(present.to_vec()));

    let closed = [opened(), CinemaEvent::Closed {}];
    let after = [closed.to_vec(), vec![opened()], unknown.to_vec()].concat();
    assert_eq!(fold(after), fold(closed.to_vec()));
}

#[test]
fn rejections_have_a_kind_and_a_stable_code() {
    for (error, kind, code) in [
        (CinemaError::NotFound, RejectionKind::NotFound, "CINEMA_NOT_FOUND"),
        (
            CinemaError::AlreadyExists,
            RejectionKind::Exists,
            "CINEMA_ALREADY_EXISTS",
        ),
        (CinemaError::Closed, RejectionKind::Gone, "CINEMA_CLOSED"),
        (CinemaError::MovieNotFound, RejectionKind::NotFound, "MOVIE_NOT_FOUND"),
        (CinemaError::MovieWithdrawn, RejectionKind::Conflict, "MOVIE_WITHDRAWN"),
        (CinemaError::ProgrammeFull, RejectionKind::Conflict, "PROGRAMME_FULL"),
    ] {
        assert_eq!((error.kind(), error.code()), (kind, code));
    }
}
