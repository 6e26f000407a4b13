//! The commands to movies.

use axum::extract::State;
use domain::{AgeRating, Genre, Genres, Movie, MovieCommand, MovieId, PremiereDate, RuntimeMinutes, Synopsis, Title};
use serde::{Deserialize, Serialize};
use service::{JsonBody, Path, Problem, RawBody};
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Accepted, Answer, NoFields};
use crate::execute::{CommandApi, Target};
use crate::incoming::Incoming;
use crate::validation::{Validation, path_id};

/// A movie with this id could not be read: its path is that of the list of premieres.
const ID_OF_NO_MOVIE: &str = "premieres";

pub(crate) fn router() -> OpenApiRouter<CommandApi> {
    OpenApiRouter::new()
        .routes(routes!(announce_movie))
        .routes(routes!(update_movie_details))
        .routes(routes!(reschedule_premiere))
        .routes(routes!(withdraw_movie))
}

/// A movie to be announced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "title": "Nosferatu", "synopsis": "A young clerk brings a house buyer's contract to a castle, and its owner to his town.",
    "runtime_minutes": 94, "age_rating": "12", "genres": ["horror"], "premiere_date": "1922-03-04",
}))]
struct NewMovie {
    /// 1 to 64 characters of A-Z, a-z, 0-9, _ and -, but not `premieres`; made if it is left out.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    id: Option<String>,
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, example = "Metropolis")]
    title: String,
    /// At most 5000 characters; may be empty.
    #[schema(
        max_length = 5000,
        example = "In a city of the future, the son of its master falls in love with a prophet of the workers."
    )]
    synopsis: String,
    /// 1 to 1000.
    #[schema(minimum = 1, maximum = 1000, example = 153)]
    runtime_minutes: i64,
    #[schema(schema_with = age_rating)]
    age_rating: String,
    /// 1 to 10, none twice; each 1 to 40 characters, words of a-z and 0-9 joined by hyphens.
    #[schema(min_items = 1, max_items = 10, example = json!(["drama", "science-fiction"]))]
    genres: Vec<String>,
    /// YYYY-MM-DD, from 1888-01-01 to 2200-12-31.
    #[schema(format = Date, example = "1927-01-10")]
    premiere_date: String,
}

/// A movie's details, all of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MovieDetailsInput {
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, example = "Metropolis")]
    title: String,
    /// At most 5000 characters; may be empty.
    #[schema(
        max_length = 5000,
        example = "In a city of the future, the son of its master falls in love with a prophet of the workers."
    )]
    synopsis: String,
    /// 1 to 1000.
    #[schema(minimum = 1, maximum = 1000, example = 153)]
    runtime_minutes: i64,
    #[schema(schema_with = age_rating)]
    age_rating: String,
    /// 1 to 10, none twice; each 1 to 40 characters, words of a-z and 0-9 joined by hyphens.
    #[schema(min_items = 1, max_items = 10, example = json!(["drama", "science-fiction"]))]
    genres: Vec<String>,
}

fn age_rating() -> Object {
    let description = "The age from which it may be seen; always a string.";
    service::one_of(description, AgeRating::VALUES.map(AgeRating::as_str))
}

/// A movie's new premiere date.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPremiere {
    /// YYYY-MM-DD, from 1888-01-01 to 2200-12-31.
    #[schema(format = Date, example = "1927-01-10")]
    premiere_date: String,
}

/// What a movie command set.
#[derive(Serialize, ToSchema)]
struct MovieFields {
    #[schema(required = false)]
    title: String,
    #[schema(required = false)]
    synopsis: String,
    #[schema(required = false)]
    runtime_minutes: i32,
    #[schema(required = false)]
    age_rating: &'static str,
    #[schema(required = false)]
    genres: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    premiere_date: Option<String>,
}

/// The premiere date a command set.
#[derive(Serialize, ToSchema)]
struct MoviePremiere {
    #[schema(required = false)]
    premiere_date: String,
}

/// The details of a movie, parsed.
struct ParsedDetails {
    title: Title,
    synopsis: Synopsis,
    runtime_minutes: RuntimeMinutes,
    age_rating: AgeRating,
    genres: Genres,
}

impl ParsedDetails {
    fn parse(input: MovieDetailsInput, fields: &mut Validation) -> Option<Self> {
        let title = fields.field("/title", Title::parse(&input.title));
        let synopsis = fields.field("/synopsis", Synopsis::parse(&input.synopsis));
        let runtime_minutes = fields.field("/runtime_minutes", RuntimeMinutes::parse(input.runtime_minutes));
        let age_rating = fields.field("/age_rating", AgeRating::parse(&input.age_rating));
        let genres = parse_genres(input.genres, fields);
        Some(Self {
            title: title?,
            synopsis: synopsis?,
            runtime_minutes: runtime_minutes?,
            age_rating: age_rating?,
            genres: genres?,
        })
    }

    fn shown(&self, premiere_date: Option<PremiereDate>) -> MovieFields {
        MovieFields {
            title: self.title.to_string(),
            synopsis: self.synopsis.to_string(),
            runtime_minutes: self.runtime_minutes.minutes(),
            age_rating: self.age_rating.as_str(),
            genres: self.genres.as_slice().iter().map(Genre::to_string).collect(),
            premiere_date: premiere_date.map(|date| date.to_string()),
        }
    }
}

/// A genre that is none is told at its place in the list; what is wrong with the list, at the list.
fn parse_genres(texts: Vec<String>, fields: &mut Validation) -> Option<Genres> {
    let parsed = Genres::parse(texts.clone());
    if !parsed.as_ref().is_err_and(|error| error.code == "INVALID_GENRE") {
        return fields.field("/genres", parsed);
    }
    for (index, text) in texts.iter().enumerate() {
        fields.field(format!("/genres/{index}"), Genre::parse(text));
    }
    None
}

fn target(command: &'static str, id: &MovieId) -> Target {
    Target {
        command,
        id: id.to_string(),
        location: None,
    }
}

/// Announce a movie
#[utoipa::path(post, path = "/movies", tag = "movies", request_body = NewMovie, responses(
    (status = 201, description = "Announced.", body = Accepted<MovieFields>),
))]
async fn announce_movie(
    State(api): State<CommandApi>,
    Incoming {
        request,
        body: JsonBody(body),
    }: Incoming<JsonBody<NewMovie>>,
) -> Result<Answer<MovieFields>, Problem> {
    let NewMovie {
        id,
        title,
        synopsis,
        runtime_minutes,
        age_rating,
        genres,
        premiere_date,
    } = body;
    let mut fields = Validation::default();
    let id = fields.new_id(id.as_deref(), MovieId::parse);
    if id.as_ref().is_some_and(|id| id.as_str() == ID_OF_NO_MOVIE) {
        fields.refuse("/id", "RESERVED_ID", "is the name of a list: GET /movies/premieres");
        return Err(fields.problem());
    }
    let details = MovieDetailsInput {
        title,
        synopsis,
        runtime_minutes,
        age_rating,
        genres,
    };
    let details = ParsedDetails::parse(details, &mut fields);
    let premiere_date = fields.field("/premiere_date", PremiereDate::parse(&premiere_date));
    let (Some(id), Some(details), Some(premiere_date)) = (id, details, premiere_date) else {
        return Err(fields.problem());
    };
    let shown = details.shown(Some(premiere_date));
    let ParsedDetails {
        title,
        synopsis,
        runtime_minutes,
        age_rating,
        genres,
    } = details;
    let command = MovieCommand::Announce {
        title,
        synopsis,
        runtime_minutes,
        age_rating,
        genres,
        premiere_date,
    };
    let target = Target {
        location: Some(format!("/movies/{id}")),
        ..target("movie.announce", &id)
    };
    api.accept::<Movie, _>(target, request, command, |_| shown).await
}

/// Update a movie's details
#[utoipa::path(put, path = "/movies/{id}/details", tag = "movies", params(("id" = String, Path, description = "The movie's id.", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "metropolis")),
    request_body = MovieDetailsInput, responses((status = 200, description = "Updated, or the same as before.", body = Accepted<MovieFields>)))]
async fn update_movie_details(
    State(api): State<CommandApi>,
    Path(id): Path<String>,
    Incoming {
        request,
        body: JsonBody(body),
    }: Incoming<JsonBody<MovieDetailsInput>>,
) -> Result<Answer<MovieFields>, Problem> {
    let id = path_id("id", &id, MovieId::parse)?;
    let mut fields = Validation::default();
    let Some(details) = ParsedDetails::parse(body, &mut fields) else {
        return Err(fields.problem());
    };
    let shown = details.shown(None);
    let ParsedDetails {
        title,
        synopsis,
        runtime_minutes,
        age_rating,
        genres,
    } = details;
    let command = MovieCommand::UpdateDetails {
        title,
        synopsis,
        runtime_minutes,
        age_rating,
        genres,
    };
    api.accept::<Movie, _>(target("movie.update_details", &id), request, command, |_| shown)
        .await
}

/// Reschedule a premiere
#[utoipa::path(put, path = "/movies/{id}/premiere", tag = "movies", params(("id" = String, Path, description = "The movie's id.", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "metropolis")),
    request_body = NewPremiere, responses((status = 200, description = "Rescheduled, or the same as before.", body = Accepted<MoviePremiere>)))]
async fn reschedule_premiere(
    State(api): State<CommandApi>,
    Path(id): Path<String>,
    Incoming {
        request,
        body: JsonBody(body),
    }: Incoming<JsonBody<NewPremiere>>,
) -> Result<Answer<MoviePremiere>, Problem> {
    let id = path_id("id", &id, MovieId::parse)?;
    let mut fields = Validation::default();
    let Some(premiere_date) = fields.field("/premiere_date", PremiereDate::parse(&body.premiere_date)) else {
        return Err(fields.problem());
    };
    let command = MovieCommand::ReschedulePremiere { premiere_date };
    let shown = |_: &Movie| MoviePremiere {
        premiere_date: premiere_date.to_string(),
    };
    api.accept(target("movie.reschedule_premiere", &id), request, command, shown)
        .await
}

/// Withdraw a movie
///
/// For ever: the id is not used again.
#[utoipa::path(delete, path = "/movies/{id}", tag = "movies", params(("id" = String, Path, description = "The movie's id.", pattern = "^[A-Za-z0-9_-]{1,64}$")),
    responses((status = 200, description = "Withdrawn.", body = Accepted<NoFields>)))]
async fn withdraw_movie(
    State(api): State<CommandApi>,
    Path(id): Path<String>,
    Incoming {
        request,
        body: RawBody(_),
    }: Incoming<RawBody>,
) -> Result<Answer<NoFields>, Problem> {
    let id = path_id("id", &id, MovieId::parse)?;
    api.accept(
        target("movie.withdraw", &id),
        request,
        MovieCommand::Withdraw,
        |_: &Movie| NoFields {},
    )
    .await
}
