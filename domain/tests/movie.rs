//! The rules of movies: given what happened, when a command comes, then events or a rejection.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use domain::{
    AgeRating, Announcement, Countries, Country, CountryPremiere, CountryPremieres, Credit, Credits, ExternalId,
    ExternalIds, Genres, Language, Languages, LocalTitle, LocalTitles, Movie, MovieCommand, MovieDetails, MovieError,
    MovieEvent, MovieStanding, Premiere, PremiereDate, Rating, Ratings, Rejection, RejectionKind, RuntimeMinutes,
    Synopsis, Title,
};

fn given(events: Vec<MovieEvent>) -> AggregateTestExecutor<Movie> {
    TestFramework::with(()).given(events)
}

fn given_nothing() -> AggregateTestExecutor<Movie> {
    given(vec![])
}

fn date(text: &str) -> PremiereDate {
    PremiereDate::parse(text).unwrap()
}

fn metropolis() -> MovieDetails {
    MovieDetails {
        synopsis: Some(Synopsis::parse("A city above, a city below.").unwrap()),
        runtime_minutes: Some(RuntimeMinutes::parse(153).unwrap()),
        ratings: AgeRating::From6.into(),
        genres: Genres::parse(vec!["science-fiction".into(), "drama".into()]).unwrap(),
        ..MovieDetails::of(Title::parse("Metropolis").unwrap())
    }
}

fn announcement() -> Box<Announcement> {
    Box::new(Announcement {
        details: metropolis(),
        premiere: date("1927-01-10").into(),
    })
}

fn announce() -> MovieCommand {
    MovieCommand::Announce {
        announcement: announcement(),
        new_release: false,
    }
}

fn announce_again() -> MovieCommand {
    MovieCommand::Announce {
        announcement: announcement(),
        new_release: true,
    }
}

fn announced() -> MovieEvent {
    MovieEvent::Announced(announcement())
}

fn update(details: MovieDetails) -> MovieCommand {
    MovieCommand::UpdateDetails(Box::new(details))
}

fn updated(details: MovieDetails) -> MovieEvent {
    MovieEvent::DetailsUpdated(Box::new(details))
}

fn reschedule(text: &str) -> MovieCommand {
    MovieCommand::ReschedulePremiere(date(text).into())
}

fn rescheduled(text: &str) -> MovieEvent {
    MovieEvent::PremiereRescheduled(date(text).into())
}

/// The details with one of them changed, for each of them.
fn each_detail_changed() -> Vec<MovieDetails> {
    let title = |text: &str| Title::parse(text).unwrap();
    let language = Language::parse("es").unwrap();
    let local = LocalTitle {
        language: language.clone(),
        title: title("Metrópolis"),
    };
    let credit = Credit::parse("Fritz Lang", "director", None).unwrap();
    let imdb = ExternalId::parse("imdb", "tt0017136").unwrap();
    vec![
        MovieDetails {
            title: title("Metrópolis"),
            ..metropolis()
        },
        MovieDetails {
            original_title: Some(title("Metropolis (1927)")),
            ..metropolis()
        },
        MovieDetails {
            titles: LocalTitles::parse(vec![local]).unwrap(),
            ..metropolis()
        },
        MovieDetails {
            synopsis: Some(Synopsis::parse("").unwrap()),
            ..metropolis()
        },
        MovieDetails {
            synopsis: None,
            ..metropolis()
        },
        MovieDetails {
            runtime_minutes: Some(RuntimeMinutes::parse(148).unwrap()),
            ..metropolis()
        },
        MovieDetails {
            runtime_minutes: None,
            ..metropolis()
        },
        MovieDetails {
            ratings: AgeRating::From12.into(),
            ..metropolis()
        },
        MovieDetails {
            ratings: Ratings::parse(vec![Rating::parse("fsk", "6").unwrap()]).unwrap(),
            ..metropolis()
        },
        MovieDetails {
            genres: Genres::parse(vec!["drama".into(), "science-fiction".into()]).unwrap(),
            ..metropolis()
        },
        MovieDetails {
            languages: Languages::parse(vec![language]).unwrap(),
            ..metropolis()
        },
        MovieDetails {
            countries: Countries::parse(vec![Country::parse("DE").unwrap()]).unwrap(),
            ..metropolis()
        },
        MovieDetails {
            credits: Credits::parse(vec![credit]).unwrap(),
            ..metropolis()
        },
        MovieDetails {
            external_ids: ExternalIds::parse(vec![imdb]).unwrap(),
            ..metropolis()
        },
    ]
}

fn fold(events: Vec<MovieEvent>) -> Movie {
    let mut movie = Movie::default();
    for event in events {
        movie.apply(event);
    }
    movie
}

#[test]
fn a_movie_can_be_announced() {
    given_nothing().when(announce()).then_expect_events(vec![announced()]);
}

#[test]
fn a_movie_is_announced_only_once() {
    given(vec![announced()])
        .when(announce())
        .then_expect_error(MovieError::AlreadyExists);
}

#[test]
fn each_detail_of_an_announced_movie_can_be_updated() {
    for details in each_detail_changed() {
        given(vec![announced()])
            .when(update(details.clone()))
            .then_expect_events(vec![updated(details)]);
    }
}

#[test]
fn details_equal_to_the_present_ones_change_nothing() {
    given(vec![announced()])
        .when(update(metropolis()))
        .then_expect_events(vec![]);
}

#[test]
fn details_are_compared_with_the_present_ones_and_not_with_the_first() {
    for details in each_detail_changed() {
        given(vec![announced(), updated(details)])
            .when(update(metropolis()))
            .then_expect_events(vec![updated(metropolis())]);
    }
}

#[test]
fn details_of_an_unknown_movie_cannot_be_updated() {
    given_nothing()
        .when(update(metropolis()))
        .then_expect_error(MovieError::NotFound);
}

#[test]
fn a_premiere_can_be_rescheduled_to_a_later_or_an_earlier_day() {
    for day in ["1927-03-13", "1926-12-31"] {
        given(vec![announced()])
            .when(reschedule(day))
            .then_expect_events(vec![rescheduled(day)]);
    }
}

#[test]
fn a_premiere_rescheduled_to_its_own_day_changes_nothing() {
    given(vec![announced()])
        .when(reschedule("1927-01-10"))
        .then_expect_events(vec![]);
    given(vec![announced(), rescheduled("1927-03-13")])
        .when(reschedule("1927-03-13"))
        .then_expect_events(vec![]);
}

#[test]
fn a_rescheduled_premiere_can_go_back_to_its_first_day() {
    given(vec![announced(), rescheduled("1927-03-13")])
        .when(reschedule("1927-01-10"))
        .then_expect_events(vec![rescheduled("1927-01-10")]);
}

#[test]
fn the_premiere_of_an_unknown_movie_cannot_be_rescheduled() {
    given_nothing()
        .when(reschedule("1927-01-10"))
        .then_expect_error(MovieError::NotFound);
}

#[test]
fn an_announced_movie_can_be_withdrawn() {
    given(vec![announced()])
        .when(MovieCommand::Withdraw)
        .then_expect_events(vec![MovieEvent::Withdrawn {}]);
}

#[test]
fn an_unknown_movie_cannot_be_withdrawn() {
    given_nothing()
        .when(MovieCommand::Withdraw)
        .then_expect_error(MovieError::NotFound);
}

#[test]
fn nothing_happens_after_withdrawal_not_even_the_same_announcement() {
    for command in [
        announce(),
        update(metropolis()),
        reschedule("1927-03-13"),
        reschedule("1927-01-10"),
        MovieCommand::Withdraw,
    ] {
        given(vec![announced(), MovieEvent::Withdrawn {}])
            .when(command)
            .then_expect_error(MovieError::Withdrawn);
    }
}

#[test]
fn a_withdrawn_movie_can_be_announced_again_as_a_new_release_as_often_as_it_is_withdrawn() {
    let release = vec![announced(), MovieEvent::Withdrawn {}];
    given(release.clone())
        .when(announce_again())
        .then_expect_events(vec![announced()]);
    given([release.clone(), release.clone()].concat())
        .when(announce_again())
        .then_expect_events(vec![announced()]);
    given([release.clone(), vec![announced()]].concat())
        .when(reschedule("1927-03-13"))
        .then_expect_events(vec![rescheduled("1927-03-13")]);
    given([release.clone(), release].concat())
        .when(announce())
        .then_expect_error(MovieError::Withdrawn);
}

#[test]
fn a_new_release_of_a_movie_that_was_never_withdrawn_is_an_announcement_like_any_other() {
    given_nothing()
        .when(announce_again())
        .then_expect_events(vec![announced()]);
    given(vec![announced()])
        .when(announce_again())
        .then_expect_error(MovieError::AlreadyExists);
}

#[test]
fn a_premiere_can_become_less_exact_unknown_or_known_in_a_country() {
    let germany = CountryPremiere {
        country: Country::parse("DE").unwrap(),
        date: date("1927"),
    };
    for premiere in [
        Premiere::from(date("1927-01")),
        Premiere::from(date("1927")),
        Premiere::default(),
        Premiere {
            premieres: CountryPremieres::parse(vec![germany]).unwrap(),
            ..date("1927-01-10").into()
        },
    ] {
        given(vec![announced()])
            .when(MovieCommand::ReschedulePremiere(premiere.clone()))
            .then_expect_events(vec![MovieEvent::PremiereRescheduled(premiere.clone())]);
        given(vec![announced(), MovieEvent::PremiereRescheduled(premiere.clone())])
            .when(MovieCommand::ReschedulePremiere(premiere))
            .then_expect_events(vec![]);
    }
}

#[test]
fn a_movie_shows_the_present_details_and_premiere() {
    for details in each_detail_changed() {
        let movie = fold(vec![announced(), updated(details.clone()), rescheduled("1927-03-13")]);

        assert_eq!(movie.details(), Some(&details));
        assert_eq!(movie.premiere(), Some(&date("1927-03-13").into()));
    }
}

#[test]
fn a_movie_tells_cinemas_how_it_stands() {
    for (events, standing, shown) in [
        (vec![], MovieStanding::Unknown, false),
        (vec![announced()], MovieStanding::Announced, true),
        (
            vec![announced(), MovieEvent::Withdrawn {}],
            MovieStanding::Withdrawn,
            false,
        ),
        (
            vec![announced(), MovieEvent::Withdrawn {}, announced()],
            MovieStanding::Announced,
            true,
        ),
    ] {
        let movie = fold(events);

        assert_eq!(movie.standing(), standing);
        assert_eq!((movie.details().is_some(), movie.premiere().is_some()), (shown, shown));
    }
}

#[test]
fn an_event_that_does_not_fit_the_state_changes_nothing() {
    let unknown = [
        updated(metropolis()),
        rescheduled("1927-03-13"),
        MovieEvent::Withdrawn {},
    ];
    assert_eq!(fold(unknown.to_vec()), Movie::default());

    let present = [announced(), rescheduled("1927-03-13")];
    assert_eq!(
        fold([present.to_vec(), vec![announced()]].concat()),
        fold(present.to_vec())
    );

    let withdrawn = [announced(), MovieEvent::Withdrawn {}];
    let after = [withdrawn.to_vec(), unknown.to_vec()].concat();
    assert_eq!(fold(after), fold(withdrawn.to_vec()));
}

#[test]
fn rejections_have_a_kind_and_a_stable_code() {
    for (error, kind, code) in [
        (MovieError::NotFound, RejectionKind::NotFound, "MOVIE_NOT_FOUND"),
        (MovieError::AlreadyExists, RejectionKind::Exists, "MOVIE_ALREADY_EXISTS"),
        (MovieError::Withdrawn, RejectionKind::Gone, "MOVIE_WITHDRAWN"),
    ] {
        assert_eq!((error.kind(), error.code()), (kind, code));
    }
}
