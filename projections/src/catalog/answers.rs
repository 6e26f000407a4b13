//! What is answered about cities and cinemas.

use chrono::{DateTime, NaiveDate, Utc};
use domain::PremiereDate;
use serde::Serialize;
use utoipa::ToSchema;

use super::cinema_row::CinemaRow;
use super::premieres::PremieresWindow;
use super::queries::{CatalogMovie, ListedCinema};

/// What the cinemas of a city show: a page of its open cinemas.
#[derive(Serialize, ToSchema)]
pub(super) struct CityCatalog {
    /// The city.
    #[schema(example = "berlin")]
    pub(super) city_id: String,
    /// Its open cinemas by name; none when all of them are closed.
    pub(super) items: Vec<CatalogCinema>,
    /// Pass as `cursor` for the next page; null on the last one.
    #[schema(required = true)]
    pub(super) next_cursor: Option<String>,
}

/// An open cinema and what it shows.
#[derive(Serialize, ToSchema)]
pub(super) struct CatalogCinema {
    /// The cinema's id.
    id: String,
    /// Name as shown.
    name: String,
    /// Where in the city.
    address: String,
    /// IANA time zone its days are counted in.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// The day it is there: what the premieres are current by.
    today: NaiveDate,
    /// The programme in the order the movies were added, without those that were withdrawn; at most 500.
    movies: Vec<CatalogMovie>,
    /// Of these movies the current premieres, the earliest first.
    premieres: Vec<CatalogMovie>,
}

impl CatalogCinema {
    pub(super) fn new(listed: ListedCinema, today: NaiveDate, window: PremieresWindow) -> Self {
        let mut premieres: Vec<CatalogMovie> = listed
            .movies
            .iter()
            .filter(|movie| window.includes(movie.premiere_date, today))
            .cloned()
            .collect();
        premieres.sort_by_key(|movie| movie.premiere_date.map(PremiereDate::first_day));
        Self {
            id: listed.id,
            name: listed.name,
            address: listed.address,
            time_zone: listed.time_zone,
            today,
            movies: listed.movies,
            premieres,
        }
    }
}

/// A cinema.
#[derive(Serialize, ToSchema)]
pub(super) struct Cinema {
    /// The cinema's id.
    id: String,
    /// Name as shown.
    name: String,
    /// The city it stands in.
    #[schema(example = "berlin")]
    city_id: String,
    /// Where in the city.
    address: String,
    /// IANA time zone its days are counted in.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// Ids of the movies in its programme, in the order they were added, withdrawn ones included.
    programme: Vec<String>,
    /// When it was opened.
    opened_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
    /// Sequence of the cinema's last event.
    sequence: i64,
}

impl From<CinemaRow> for Cinema {
    fn from(row: CinemaRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            city_id: row.city_id,
            address: row.address,
            time_zone: row.time_zone,
            programme: row.programme,
            opened_at: row.opened_at,
            updated_at: row.updated_at,
            sequence: row.sequence,
        }
    }
}
