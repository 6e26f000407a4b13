//! The routes that answer about movies.

use axum::extract::State;
use domain::{AgeRating, Country, ExternalId, Genre, InvalidValue, Language, MovieError, MovieId, Rating};
use serde::{Deserialize, Serialize};
use service::{Path, Problem, Query};
use utoipa::IntoParams;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Movie;
use super::facts::{facet_of_country, facet_of_language, facet_of_rating};
use super::list::{MovieFilter, MoviePlace, MovieSort};
use super::premieres;
use super::queries::{self, FoundMovie};
use crate::parameters::{NoParameters, Parameters, path_id};
use crate::refusal::{ReadRefusals, absent, unreadable};
use crate::{Answer, Limit, Page, ReadWanted, Reads};

/// What a list of movies may be asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MovieListParameters {
    /// Only movies with all of these words, whatever the case and the accents; the last word may be typed in part. Also
    /// `"a phrase"`, `or`, `-without`. The best match comes first: the title itself, titles that begin with the text, words of
    /// titles, words of the synopsis. At most 200 characters.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Only movies of this genre, such as `science-fiction`.
    #[param(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", max_length = 40)]
    genre: Option<String>,
    #[param(schema_with = age_rating)]
    age_rating: Option<String>,
    /// Only movies with this rating of a body: `mpa:PG-13`, `fsk:12`, `bbfc:unrated`; whatever the case.
    #[param(example = "mpa:PG-13", max_length = 60)]
    rating: Option<String>,
    /// Only movies in which this language is spoken: a tag of BCP 47; `pt` also finds `pt-BR`.
    #[param(example = "de", max_length = 35)]
    language: Option<String>,
    /// Only movies from this country: a code of ISO 3166.
    #[param(example = "DE", max_length = 4)]
    country: Option<String>,
    /// Only the movie that others call so; of several, the one that had the id first.
    #[param(example = "imdb:tt0017136", max_length = 100)]
    external_id: Option<String>,
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

/// What a list is narrowed to by facets.
fn facets(given: &MovieListParameters, parameters: &mut Parameters) -> Vec<String> {
    let rating = parameters.optional("rating", given.rating.as_deref(), rating);
    let language = parameters.optional("language", given.language.as_deref(), Language::parse);
    let country = parameters.optional("country", given.country.as_deref(), Country::parse);
    [
        rating.map(|rating| facet_of_rating(rating.scheme(), rating.value())),
        language.map(|language| facet_of_language(language.as_str())),
        country.map(|country| facet_of_country(country.as_str())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Reads `SCHEME:VALUE`.
fn rating(text: &str) -> Result<Rating, InvalidValue> {
    let (scheme, value) = in_scheme(text)?;
    Rating::parse(scheme, value)
}

/// Reads `SCHEME:VALUE`.
fn external_id(text: &str) -> Result<String, InvalidValue> {
    let (scheme, value) = in_scheme(text)?;
    ExternalId::parse(scheme, value).map(|id| id.to_string())
}

fn in_scheme(text: &str) -> Result<(&str, &str), InvalidValue> {
    text.split_once(':').ok_or_else(|| InvalidValue {
        code: "INVALID_SCHEME",
        detail: "must be a scheme and a value with a colon between them".to_owned(),
    })
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
        .routes(routes!(premieres::list_premieres))
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
                ("ETag" = String, description = "Of its state, opaque, in quotes; for `If-Match`."),
                ("Read-Position" = i64, description = "The answer includes everything up to this position."),
            ),
        ),
        (
            status = 404, description = "`MOVIE_NOT_FOUND`: there has never been one.",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"),
        ),
        (
            status = 410, description = "`MOVIE_WITHDRAWN`: it is no more, until it is announced again.",
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
        facets: facets(&given, &mut parameters),
        external_id: parameters.optional("external_id", given.external_id.as_deref(), external_id),
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

/// Reads a page of a list.
pub(super) async fn page(
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
        Page::cut(found, limit, place, |found| Movie::listed(found.row)),
    ))
}
