//! The routes that answer about movies.

use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use domain::{AgeRating, Genre, MovieError, MovieId, PremiereDate};
use serde::{Deserialize, Serialize};
use service::{Path, Problem, Query};
use utoipa::openapi::Object;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::list::{MovieFilter, MoviePlace, MovieSort, PremiereDays};
use super::queries::{self, FoundMovie};
use super::row::MovieRow;
use crate::parameters::{NoParameters, Parameters, path_id};
use crate::refusal::{ReadRefusals, absent, unreadable};
use crate::{Answer, Limit, Page, ReadWanted, Reads};

/// A movie.
#[derive(Serialize, ToSchema)]
struct Movie {
    /// The movie's id.
    id: String,
    /// Title as shown.
    #[schema(example = "Alien")]
    title: String,
    /// What it is about.
    synopsis: String,
    /// Length.
    runtime_minutes: i32,
    /// The age from which it may be seen: `all`, `6`, `12`, `16`, `18`.
    #[schema(example = "16")]
    age_rating: String,
    /// Its genres, the first one first.
    genres: Vec<String>,
    /// First day it is shown.
    premiere_date: NaiveDate,
    /// When it was announced.
    announced_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
    /// Sequence of the movie's last event, and the entity tag: send it as `If-Match` with a command.
    sequence: i64,
}

impl From<MovieRow> for Movie {
    fn from(row: MovieRow) -> Self {
        Self {
            id: row.id,
            title: row.title,
            synopsis: row.synopsis,
            runtime_minutes: row.runtime_minutes,
            age_rating: row.age_rating,
            genres: row.genres,
            premiere_date: row.premiere_date,
            announced_at: row.announced_at,
            updated_at: row.updated_at,
            sequence: row.sequence,
        }
    }
}

/// What a list of movies may be asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MovieListParameters {
    /// Only movies whose title or synopsis matches: all words, `"a phrase"`, `or`, `-without`; at most 200 characters.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Only movies of this genre, such as `science-fiction`.
    #[param(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", max_length = 40)]
    genre: Option<String>,
    #[param(schema_with = age_rating)]
    age_rating: Option<String>,
    #[param(schema_with = sort)]
    sort: Option<String>,
    /// Movies per page, 1 to 100.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    #[serde(rename = "min_position")]
    #[param(ignore)]
    _min_position: Option<String>,
}

/// What a list of premieres may be asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PremieresParameters {
    /// First day, `YYYY-MM-DD`; if left out, 90 days before `to`, or today (UTC) if that is left out too.
    #[param(value_type = Option<NaiveDate>)]
    from: Option<String>,
    /// Last day, `YYYY-MM-DD`; if left out, 90 days after `from`.
    #[param(value_type = Option<NaiveDate>)]
    to: Option<String>,
    /// Movies per page, 1 to 100.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    #[serde(rename = "min_position")]
    #[param(ignore)]
    _min_position: Option<String>,
}

fn age_rating() -> Object {
    service::one_of(
        "Only movies with this rating.",
        AgeRating::VALUES.map(AgeRating::as_str),
    )
}

fn sort() -> Object {
    let description = "`relevance` is the default with `q`, and only for it; `title` is the default without.";
    service::one_of(description, MovieSort::NAMES)
}

pub(super) fn router(reads: Reads) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_movies))
        .routes(routes!(list_premieres))
        .routes(routes!(get_movie))
        .with_state(reads)
}

/// Get a movie
///
/// No movie has the id `premieres`: its path is that of the list of premieres.
#[utoipa::path(
    get, path = "/movies/{id}", tag = "movies",
    params(("id" = String, Path, description = "The movie's id.", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "metropolis"), ReadWanted),
    responses(
        (
            status = 200, description = "The movie.", body = Movie,
            headers(
                ("ETag" = String, description = "The sequence of its last event, in quotes; for `If-Match`."),
                ("Read-Position" = i64, description = "The answer includes everything up to this position."),
            ),
        ),
        (
            status = 404, description = "`MOVIE_NOT_FOUND`: there has never been one.",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"),
        ),
        (
            status = 410, description = "`MOVIE_WITHDRAWN`: it has ended for ever.",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"),
        ),
        ReadRefusals,
    )
)]
async fn get_movie(
    State(reads): State<Reads>,
    Path(id): Path<String>,
    _query: Query<NoParameters>,
    wanted: ReadWanted,
) -> Result<Answer<Movie>, Problem> {
    let id = path_id("id", &id, MovieId::parse)?;
    let mut read = reads.begin(&wanted, &[("movie", id.as_str())]).await?;
    let found = queries::find(&mut read.connection, &read.generation, &id)
        .await
        .map_err(unreadable)?;
    match found {
        None => Err(absent(read.position, &MovieError::NotFound)),
        Some(row) if row.gone => Err(absent(read.position, &MovieError::Withdrawn)),
        Some(row) => {
            let sequence = row.sequence;
            Ok(Answer::new(&wanted, read.position, Movie::from(row)).etag(sequence))
        }
    }
}

/// List movies: searched, filtered, sorted
#[utoipa::path(
    get, path = "/movies", tag = "movies",
    params(MovieListParameters, ReadWanted),
    responses(
        (
            status = 200, description = "A page of movies.", body = Page<Movie>,
            headers(
                ("ETag" = String, description = "Of this page; for `If-None-Match`."),
                ("Read-Position" = i64, description = "The answer includes everything up to this position."),
            ),
        ),
        ReadRefusals,
    )
)]
async fn list_movies(
    State(reads): State<Reads>,
    Query(given): Query<MovieListParameters>,
    wanted: ReadWanted,
) -> Result<Answer<Page<Movie>>, Problem> {
    let mut parameters = Parameters::default();
    let filter = MovieFilter {
        q: parameters.search("q", given.q.as_deref()),
        genre: parameters.optional("genre", given.genre.as_deref(), Genre::parse),
        age_rating: parameters.optional("age_rating", given.age_rating.as_deref(), AgeRating::parse),
        premieres: None,
    };
    let sort = parameters.optional("sort", given.sort.as_deref(), MovieSort::parse);
    if sort == Some(MovieSort::Relevance) && given.q.as_deref().is_none_or(|q| q.trim().is_empty()) {
        parameters.refuse("sort", "NOTHING_TO_SEARCH", "must not be relevance without a q");
    }
    let limit = parameters.limit(given.limit.as_deref());
    parameters.finish()?;

    let by_default = if filter.q.is_some() {
        MovieSort::Relevance
    } else {
        MovieSort::Title
    };
    let sort = sort.unwrap_or(by_default);
    let list = ("movies", &filter, sort);
    let after = given
        .cursor
        .map(|cursor| MoviePlace::decode(&cursor, sort, &list))
        .transpose()?;
    page(&reads, &wanted, &filter, sort, after.as_ref(), limit, &list).await
}

/// List movies by the day of their premiere, the earliest first
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
async fn list_premieres(
    State(reads): State<Reads>,
    Query(given): Query<PremieresParameters>,
    wanted: ReadWanted,
) -> Result<Answer<Page<Movie>>, Problem> {
    let mut parameters = Parameters::default();
    let from = parameters
        .optional("from", given.from.as_deref(), PremiereDate::parse)
        .map(PremiereDate::date);
    let to = parameters
        .optional("to", given.to.as_deref(), PremiereDate::parse)
        .map(PremiereDate::date);
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        parameters.refuse("from", "OUT_OF_RANGE", "must not be after to");
    }
    let limit = parameters.limit(given.limit.as_deref());
    parameters.finish()?;

    let list = ("premieres", from, to);
    let sort = MovieSort::PremiereDate;
    let after = given
        .cursor
        .map(|cursor| MoviePlace::decode(&cursor, sort, &list))
        .transpose()?;
    let window = PremiereDays::around(from, to, Utc::now().date_naive());
    let filter = MovieFilter {
        premieres: Some(window),
        ..MovieFilter::default()
    };
    page(&reads, &wanted, &filter, sort, after.as_ref(), limit, &list).await
}

async fn page(
    reads: &Reads,
    wanted: &ReadWanted,
    filter: &MovieFilter,
    sort: MovieSort,
    after: Option<&MoviePlace>,
    limit: Limit,
    list: &impl Serialize,
) -> Result<Answer<Page<Movie>>, Problem> {
    let mut read = reads.begin(wanted, &[]).await?;
    let found = queries::list(&mut read.connection, &read.generation, filter, sort, after, limit)
        .await
        .map_err(unreadable)?;
    let place = |found: &FoundMovie| MoviePlace::encode(found, sort, list);
    Ok(Answer::new(
        wanted,
        read.position,
        Page::cut(found, limit, place, |found| Movie::from(found.row)),
    ))
}
