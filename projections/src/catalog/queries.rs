//! The statements that read the catalog.

use domain::{CinemaId, CityId, PremiereDate};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, QueryBuilder};
use utoipa::ToSchema;

use super::cinema_row::CinemaRow;
use crate::movies::MovieRating;
use crate::parameters::CursorText;
use crate::row;
use crate::{Generation, Limit};

/// A movie of a programme.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(super) struct CatalogMovie {
    /// The movie's id.
    pub(super) id: String,
    /// Title as shown.
    #[schema(example = "Alien")]
    pub(super) title: String,
    /// Length; null when it is not known.
    #[schema(required = true)]
    pub(super) runtime_minutes: Option<i32>,
    /// The age from which it may be seen: `all`, `6`, `12`, `16`, `18`; null when it is not rated so.
    #[schema(example = "16", required = true)]
    pub(super) age_rating: Option<String>,
    /// Its ratings, by body.
    pub(super) ratings: Vec<MovieRating>,
    /// Its genres, the first one first.
    pub(super) genres: Vec<String>,
    /// When it is first shown: `YYYY-MM-DD`, `YYYY-MM` or `YYYY`, as far as it is known; else null.
    #[schema(value_type = Option<String>, example = "1979-05-25", required = true)]
    pub(super) premiere_date: Option<PremiereDate>,
}

/// An open cinema with those movies of its programme that are not withdrawn.
#[derive(Debug, Deserialize)]
pub(super) struct ListedCinema {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) time_zone: String,
    pub(super) movies: Vec<CatalogMovie>,
}

/// What is known of a city.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct FoundCity {
    /// Whether it has a cinema, open or closed.
    pub(super) known: bool,
    /// Its open cinemas.
    #[sqlx(json)]
    pub(super) cinemas: Vec<ListedCinema>,
}

/// A city of the list of cities.
#[derive(Debug, Serialize, ToSchema, sqlx::FromRow)]
pub(super) struct City {
    /// The city's id.
    #[schema(example = "berlin")]
    pub(super) city_id: String,
    /// How many cinemas are open in it.
    pub(super) open_cinemas: i64,
}

/// Place of a cinema in its city's list: by name, then by id.
pub(super) type CinemaPlace = (CursorText, CursorText);

/// Finds a cinema, closed ones included.
pub(super) async fn find(
    connection: &mut PgConnection,
    generation: &Generation,
    id: &CinemaId,
) -> Result<Option<CinemaRow>, sqlx::Error> {
    row::find(connection, generation, id.as_str()).await
}

/// Lists the open cinemas of a city by name, those after a place if one is given, each with its programme in order.
///
/// One statement, so that the city, its cinemas and their movies are of one moment. The movies are probed one by one, so that
/// a plan made when the tables were new still serves when they are large.
pub(super) async fn city(
    connection: &mut PgConnection,
    generation: &Generation,
    city_id: &CityId,
    after: Option<&CinemaPlace>,
    limit: Limit,
) -> Result<FoundCity, sqlx::Error> {
    // Ordered, because EXISTS is planned as a scan of the table where cities have many cinemas.
    let mut query = QueryBuilder::new(format!("SELECT (SELECT id FROM {generation}.cinemas WHERE city_id = "));
    query.push_bind(city_id.as_str()).push(format!(
        " ORDER BY name LIMIT 1) IS NOT NULL AS known, coalesce((SELECT json_agg(page ORDER BY page.name, page.id) FROM (\
         SELECT cinemas.id, cinemas.name, cinemas.address, cinemas.time_zone, coalesce((\
         SELECT json_agg(json_build_object('id', movie.id, 'title', movie.title, \
         'runtime_minutes', movie.runtime_minutes, 'age_rating', movie.age_rating, 'ratings', movie.ratings, \
         'genres', movie.genres, 'premiere_date', movie.premiere_date) ORDER BY listed.place) \
         FROM unnest(cinemas.programme) WITH ORDINALITY AS listed (movie_id, place) CROSS JOIN LATERAL (\
         SELECT id, title, runtime_minutes, age_rating, ratings, genres, premiere_date FROM {generation}.movies \
         WHERE movies.id = listed.movie_id AND NOT movies.gone LIMIT 1) AS movie), '[]') AS movies \
         FROM {generation}.cinemas WHERE NOT cinemas.gone AND cinemas.city_id = "
    ));
    query.push_bind(city_id.as_str());
    if let Some((name, id)) = after {
        query
            .push(" AND (cinemas.name, cinemas.id) > (")
            .push_bind(&name.0)
            .push(", ")
            .push_bind(&id.0)
            .push(")");
    }
    query
        .push(" ORDER BY cinemas.name, cinemas.id LIMIT ")
        .push_bind(limit.fetch());
    query
        .push(") AS page), '[]') AS cinemas")
        .build_query_as()
        .fetch_one(connection)
        .await
}

/// Lists the cities that have a cinema, open or closed, by id, those after one if it is given.
pub(super) async fn cities(
    connection: &mut PgConnection,
    generation: &Generation,
    after: Option<&CursorText>,
    limit: Limit,
) -> Result<Vec<City>, sqlx::Error> {
    let statement = format!(
        "SELECT city_id, count(*) FILTER (WHERE NOT gone) AS open_cinemas FROM {generation}.cinemas \
         WHERE city_id > $1 GROUP BY city_id ORDER BY city_id LIMIT $2"
    );
    // No id is empty, so all come after the empty text.
    let after = after.map_or("", |after| after.0.as_str());
    sqlx::query_as(&statement)
        .bind(after)
        .bind(limit.fetch())
        .fetch_all(connection)
        .await
}
