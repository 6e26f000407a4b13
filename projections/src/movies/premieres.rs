//! The route that lists movies by their premiere, anywhere or in a country.

use axum::extract::State;
use chrono::Utc;
use domain::{Country, PremiereDate};
use serde::Deserialize;
use service::{Problem, Query};
use utoipa::IntoParams;

use super::answer::Movie;
use super::list::{MovieFilter, MoviePlace, MovieSort, PremiereDays};
use super::premieres_in::{self, PremierePlace, WINDOW_DAYS_MAX};
use super::routes::page;
use super::row::MovieRow;
use crate::parameters::Parameters;
use crate::refusal::{ReadRefusals, unreadable};
use crate::today::{earliest_today, parse_zone};
use crate::{Answer, Cursor, Page, ReadWanted, Reads};

/// What a list of premieres may be asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PremieresParameters {
    /// First day, `YYYY-MM-DD`, or that of a month or year; if left out, 90 days before `to`, or today if that is left out too.
    #[param(example = "2026-03-01")]
    from: Option<String>,
    /// Last day, `YYYY-MM-DD`, or that of a month or year; if left out, 90 days after `from`.
    #[param(example = "2026-03")]
    to: Option<String>,
    /// Where today is looked for, by its IANA name, as a cinema has it; if left out, today is the earliest day that it is
    /// anywhere, so that no place misses a premiere of its today.
    #[param(example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// Only premieres in this country, a code of ISO 3166, by the day there; then the window has ten years at most.
    #[param(example = "DE", max_length = 4)]
    country: Option<String>,
    /// Movies per page, 1 to 100.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    #[serde(rename = "min_position")]
    #[param(ignore)]
    _min_position: Option<String>,
}

/// List movies by their premiere, the earliest first
///
/// A premiere known to the month is in every window that reaches into the month; one known to the year, in windows with all
/// of it. One that is not known is in none.
///
/// Without `country` the `premiere_date` counts, with it the date among the `premieres` that is told for that country: a movie
/// without one there is not listed.
///
/// What a city's own cinemas show of them is in `GET /catalog/{city_id}`, by each cinema's today.
#[utoipa::path(
    get, path = "/movies/premieres", tag = "movies",
    params(PremieresParameters, ReadWanted),
    responses(
        (
            status = 200, description = "A page of movies whose premiere is in the window.", body = Page<Movie>,
            headers(
                ("ETag" = String, description = "Of this page; for `If-None-Match`."),
                ("Read-Position" = i64, description = "The answer includes everything up to this position."),
            ),
        ),
        ReadRefusals,
    )
)]
pub(super) async fn list_premieres(
    State(reads): State<Reads>,
    Query(given): Query<PremieresParameters>,
    wanted: ReadWanted,
) -> Result<Answer<Page<Movie>>, Problem> {
    let mut parameters = Parameters::default();
    let from = parameters
        .optional("from", given.from.as_deref(), PremiereDate::parse)
        .map(PremiereDate::first_day);
    let to = parameters
        .optional("to", given.to.as_deref(), PremiereDate::parse)
        .map(PremiereDate::last_day);
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        parameters.refuse("from", "OUT_OF_RANGE", "must not be after to");
    }
    let zone = parameters.optional("time_zone", given.time_zone.as_deref(), parse_zone);
    let country = parameters.optional("country", given.country.as_deref(), Country::parse);
    let limit = parameters.limit(given.limit.as_deref());
    let today = || {
        let now = Utc::now();
        zone.map_or_else(|| earliest_today(now), |zone| zone.day(now))
    };
    let window = PremiereDays::around(from, to, today());
    if country.is_some() && (window.to - window.from).num_days() > WINDOW_DAYS_MAX {
        parameters.refuse(
            "from",
            "OUT_OF_RANGE",
            "must not be more than ten years before to, with a country",
        );
    }
    parameters.finish()?;

    let list = ("premieres", from, to, &given.time_zone, &country);
    let cursor = given.cursor.as_deref();
    if let Some(country) = &country {
        let after = cursor.map(|cursor| Cursor::decode(cursor, &list)).transpose()?;
        let mut read = reads.begin(&wanted, &[]).await?;
        let found = premieres_in::list(
            &mut read.connection,
            &read.generation,
            (country, window),
            after.as_ref(),
            limit,
        )
        .await
        .map_err(unreadable)?;
        let place = |row: &MovieRow| Cursor::encode(&PremierePlace::of(row, country), &list);
        let page = Page::cut(found, limit, place, Movie::listed);
        return Ok(Answer::new(&wanted, read.position, page));
    }
    let sort = MovieSort::PremiereDate;
    let after = cursor
        .map(|cursor| MoviePlace::decode(cursor, sort, &list))
        .transpose()?;
    let filter = MovieFilter {
        premieres: Some(window),
        ..MovieFilter::default()
    };
    page(&reads, &wanted, &filter, sort, after.as_ref(), limit, &list).await
}
