//! The routes that answer what cities and cinemas show.

use axum::extract::State;
use chrono::{NaiveDate, Utc};
use domain::{CinemaError, CinemaId, CityId};
use serde::Deserialize;
use service::{Path, Problem, Query};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{CatalogCinema, Cinema, CityCatalog};
use super::premieres::PremieresWindow;
use super::queries::{self, CinemaPlace, City, ListedCinema};
use crate::parameters::{CursorText, NoParameters, Parameters, path_id};
use crate::refusal::{ReadRefusals, absent, not_found, unreadable};
use crate::today::today;
use crate::{Answer, Cursor, Page, ReadWanted, Reads};

const WINDOW_DAYS_BEFORE: u16 = 28;
const WINDOW_DAYS_AFTER: u16 = 7;
const WINDOW_DAYS_MAX: u16 = 365;

/// What a city's catalog may be asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CatalogParameters {
    /// A premiere is current until this many days after it, 0 to 365.
    #[param(value_type = Option<u16>, maximum = 365, default = 28)]
    window_days_before: Option<String>,
    /// A premiere is current from this many days before it, 0 to 365.
    #[param(value_type = Option<u16>, maximum = 365, default = 7)]
    window_days_after: Option<String>,
    /// Cinemas per page, 1 to 100.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    #[serde(rename = "min_position")]
    #[param(ignore)]
    _min_position: Option<String>,
}

/// What a list of cities may be asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CityListParameters {
    /// Cities per page, 1 to 100.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    #[serde(rename = "min_position")]
    #[param(ignore)]
    _min_position: Option<String>,
}

pub(super) fn router(reads: Reads) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(get_catalog))
        .routes(routes!(get_cinema))
        .routes(routes!(list_cities))
        .with_state(reads)
}

/// Get what the cinemas of a city show, and which of it is new
///
/// A city is known when a cinema is in it, open or closed. A premiere is current when its day is in the window around today
/// in the cinema's own time zone: from `window_days_before` days before today to `window_days_after` days after it.
///
/// A premiere known to the month is current while any day of the month would be, one known to the year where every day of
/// it would be.
#[utoipa::path(
    get, path = "/catalog/{city_id}", tag = "catalog",
    params(("city_id" = String, Path, description = "The city's id; `GET /cities` lists them.", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "berlin"), CatalogParameters, ReadWanted),
    responses(
        (
            status = 200, description = "A page of the city's open cinemas.", body = CityCatalog,
            headers(
                ("ETag" = String, description = "Of this page; for `If-None-Match`."),
                ("Read-Position" = i64, description = "The answer includes everything up to this position."),
            ),
        ),
        (
            status = 404, description = "`CITY_NOT_FOUND`: no cinema is in it, open or closed.",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"),
        ),
        (
            status = 500, description = "`UNKNOWN_TIME_ZONE`: the zone of a cinema is not in the service's database of time zones.",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"),
        ),
        ReadRefusals,
    )
)]
async fn get_catalog(
    State(reads): State<Reads>,
    Path(city_id): Path<String>,
    Query(given): Query<CatalogParameters>,
    wanted: ReadWanted,
) -> Result<Answer<CityCatalog>, Problem> {
    let city_id = path_id("city_id", &city_id, CityId::parse)?;
    let mut parameters = Parameters::default();
    let mut days =
        |name: &str, text: Option<&str>, default| parameters.whole_number(name, text, default, 0, WINDOW_DAYS_MAX);
    let window = PremieresWindow {
        days_before: days(
            "window_days_before",
            given.window_days_before.as_deref(),
            WINDOW_DAYS_BEFORE,
        ),
        days_after: days(
            "window_days_after",
            given.window_days_after.as_deref(),
            WINDOW_DAYS_AFTER,
        ),
    };
    let limit = parameters.limit(given.limit.as_deref());
    parameters.finish()?;
    let list = ("catalog", city_id.as_str());
    let after: Option<CinemaPlace> = given.cursor.map(|cursor| Cursor::decode(&cursor, &list)).transpose()?;

    let mut read = reads.begin(&wanted, &[]).await?;
    let found = queries::city(&mut read.connection, &read.generation, &city_id, after.as_ref(), limit)
        .await
        .map_err(unreadable)?;
    if !found.known {
        return Err(not_found(
            read.position,
            "CITY_NOT_FOUND",
            "no cinema is in this city, open or closed",
        ));
    }
    let now = Utc::now();
    let with_today = |cinema: ListedCinema| today(now, &cinema.id, &cinema.time_zone).map(|today| (cinema, today));
    let cinemas: Vec<_> = found.cinemas.into_iter().map(with_today).collect::<Result<_, _>>()?;
    let place = |(cinema, _): &(ListedCinema, NaiveDate)| {
        let place: CinemaPlace = (CursorText(cinema.name.clone()), CursorText(cinema.id.clone()));
        Cursor::encode(&place, &list)
    };
    let page = Page::cut(cinemas, limit, place, |(cinema, today)| {
        CatalogCinema::new(cinema, today, window)
    });
    let catalog = CityCatalog {
        city_id: city_id.as_str().to_owned(),
        items: page.items,
        next_cursor: page.next_cursor,
    };
    Ok(Answer::new(&wanted, read.position, catalog))
}

/// Get a cinema
///
/// Its programme is what the cinema itself has been told; `GET /catalog/{city_id}` leaves withdrawn movies out.
#[utoipa::path(
    get, path = "/cinemas/{id}", tag = "cinemas",
    params(("id" = String, Path, description = "The cinema's id.", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "babylon-berlin"), ReadWanted),
    responses(
        (
            status = 200, description = "The cinema.", body = Cinema,
            headers(
                ("ETag" = String, description = "Of its state, opaque, in quotes; for `If-Match`."),
                ("Read-Position" = i64, description = "The answer includes everything up to this position."),
            ),
        ),
        (
            status = 404, description = "`CINEMA_NOT_FOUND`: there has never been one.",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"),
        ),
        (
            status = 410, description = "`CINEMA_CLOSED`: it has ended for ever.",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"),
        ),
        ReadRefusals,
    )
)]
async fn get_cinema(
    State(reads): State<Reads>,
    Path(id): Path<String>,
    _query: Query<NoParameters>,
    wanted: ReadWanted,
) -> Result<Answer<Cinema>, Problem> {
    let id = path_id("id", &id, CinemaId::parse)?;
    let mut read = reads.begin(&wanted, &[("cinema", id.as_str())]).await?;
    let found = queries::find(&mut read.connection, &read.generation, &id)
        .await
        .map_err(unreadable)?;
    match found {
        None => Err(absent(read.position, &CinemaError::NotFound)),
        Some(row) if row.gone => Err(absent(read.position, &CinemaError::Closed)),
        Some(row) => {
            let sequence = row.sequence;
            Ok(Answer::new(&wanted, read.position, Cinema::from(row)).etag(sequence))
        }
    }
}

/// List the cities that have a cinema, open or closed
#[utoipa::path(
    get, path = "/cities", tag = "catalog",
    params(CityListParameters, ReadWanted),
    responses(
        (
            status = 200, description = "A page of cities.", body = Page<City>,
            headers(
                ("ETag" = String, description = "Of this page; for `If-None-Match`."),
                ("Read-Position" = i64, description = "The answer includes everything up to this position."),
            ),
        ),
        ReadRefusals,
    )
)]
async fn list_cities(
    State(reads): State<Reads>,
    Query(given): Query<CityListParameters>,
    wanted: ReadWanted,
) -> Result<Answer<Page<City>>, Problem> {
    let mut parameters = Parameters::default();
    let limit = parameters.limit(given.limit.as_deref());
    parameters.finish()?;
    let after: Option<CursorText> = given
        .cursor
        .map(|cursor| Cursor::decode(&cursor, &"cities"))
        .transpose()?;

    let mut read = reads.begin(&wanted, &[]).await?;
    let rows = queries::cities(&mut read.connection, &read.generation, after.as_ref(), limit)
        .await
        .map_err(unreadable)?;
    let place = |city: &City| Cursor::encode(&city.city_id, &"cities");
    Ok(Answer::new(
        &wanted,
        read.position,
        Page::cut(rows, limit, place, |city| city),
    ))
}
