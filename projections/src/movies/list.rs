//! What a list of movies can be narrowed to and sorted by, and where its pages begin.

use chrono::{Days, NaiveDate};
use domain::{AgeRating, Genre, InvalidValue};
use service::Problem;

use super::queries::FoundMovie;
use crate::Cursor;
use crate::parameters::{CursorDate, CursorText};
use crate::search::rank::RankPlace;

/// How far a window of premieres reaches when only one of its ends is known.
const PREMIERES_DAYS: Days = Days::new(90);

/// What a list of movies is narrowed to. Cursors are bound to it.
#[derive(Debug, Default, serde::Serialize)]
pub(super) struct MovieFilter {
    /// Movies that are found by this text: see [`SearchQuery`](crate::search::query::SearchQuery).
    pub(super) q: Option<String>,
    /// Movies that have this genre.
    pub(super) genre: Option<Genre>,
    /// Movies with this rating.
    pub(super) age_rating: Option<AgeRating>,
    /// Movies that have all of these facets.
    pub(super) facets: Vec<String>,
    /// The movie that has this external id.
    pub(super) external_id: Option<String>,
    /// Movies whose premiere is in this window.
    #[serde(skip)]
    pub(super) premieres: Option<PremiereDays>,
}

/// A window of days, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PremiereDays {
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
}

impl PremiereDays {
    /// Completes a window: an end that is not given is 90 days from the one that is; with neither, it begins today.
    pub(super) fn around(from: Option<NaiveDate>, to: Option<NaiveDate>, today: NaiveDate) -> Self {
        match (from, to) {
            (Some(from), Some(to)) => Self { from, to },
            (None, Some(to)) => Self {
                from: to - PREMIERES_DAYS,
                to,
            },
            (from, None) => {
                let from = from.unwrap_or(today);
                Self {
                    from,
                    to: from + PREMIERES_DAYS,
                }
            }
        }
    }
}

/// The order of a list of movies. Equal ones are in the order of their ids, so that every movie has one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) enum MovieSort {
    /// The best match first; only with a text to search for.
    Relevance,
    /// By title, A first.
    Title,
    /// By premiere, the earliest first.
    PremiereDate,
    /// By premiere, the latest first.
    PremiereDateDescending,
}

impl MovieSort {
    /// The names by which a request asks for an order.
    pub(super) const NAMES: [&str; 4] = ["relevance", "title", "premiere_date", "-premiere_date"];

    /// Parses the `sort` of a request.
    ///
    /// # Errors
    /// `UNKNOWN_SORT` for anything but the four names.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "relevance" => Ok(Self::Relevance),
            "title" => Ok(Self::Title),
            "premiere_date" => Ok(Self::PremiereDate),
            "-premiere_date" => Ok(Self::PremiereDateDescending),
            _ => Err(InvalidValue {
                code: "UNKNOWN_SORT",
                detail: format!("must be one of {}", Self::NAMES.join(", ")),
            }),
        }
    }
}

/// The place of a movie in a list: what the list is sorted by, then the id.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum MoviePlace {
    /// By relevance.
    Relevance(RankPlace),
    /// By title.
    Title(CursorText, CursorText),
    /// By premiere, in either direction.
    Premiere(CursorDate, CursorText),
}

impl MoviePlace {
    /// Reads the place back from a cursor of the list with this order and these parameters.
    ///
    /// # Errors
    /// 400 `INVALID_CURSOR`.
    pub(super) fn decode(cursor: &str, sort: MovieSort, list: &impl serde::Serialize) -> Result<Self, Problem> {
        match sort {
            MovieSort::Relevance => Cursor::decode(cursor, list).map(Self::Relevance),
            MovieSort::Title => Cursor::decode(cursor, list).map(|(title, id)| Self::Title(title, id)),
            MovieSort::PremiereDate | MovieSort::PremiereDateDescending => {
                Cursor::decode(cursor, list).map(|(date, id)| Self::Premiere(date, id))
            }
        }
    }

    /// Makes the cursor that continues the list after a movie.
    pub(super) fn encode(found: &FoundMovie, sort: MovieSort, list: &impl serde::Serialize) -> String {
        let row = &found.row;
        match (&found.place, sort) {
            (Some(place), _) => Cursor::encode(place, list),
            (None, MovieSort::Relevance | MovieSort::Title) => Cursor::encode(&(&row.title, &row.id), list),
            (None, MovieSort::PremiereDate) => Cursor::encode(&(row.premiere_from, &row.id), list),
            (None, MovieSort::PremiereDateDescending) => Cursor::encode(&(row.premiere_to, &row.id), list),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    #[test]
    fn every_order_that_is_offered_is_known() {
        assert!(MovieSort::NAMES.iter().all(|name| MovieSort::parse(name).is_ok()));
    }

    #[test]
    fn a_window_of_premieres_is_completed_from_the_end_that_is_given() {
        let today = day("2026-03-01");
        let around = |from: Option<&str>, to: Option<&str>| {
            let window = PremiereDays::around(from.map(day), to.map(day), today);
            (window.from.to_string(), window.to.to_string())
        };
        let window = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(around(None, None), window("2026-03-01", "2026-05-30"));
        assert_eq!(around(Some("2026-01-01"), None), window("2026-01-01", "2026-04-01"));
        assert_eq!(around(None, Some("2020-01-01")), window("2019-10-03", "2020-01-01"));
        assert_eq!(
            around(Some("2026-01-01"), Some("2026-01-02")),
            window("2026-01-01", "2026-01-02")
        );
    }
}
