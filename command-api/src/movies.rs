//! The commands to movies.

mod answer;
mod input;
mod items;
mod parsed;

use axum::extract::State;
use domain::{Movie, MovieCommand, MovieId};
use service::{JsonDraft, Path, Problem, RawBody};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::answer::{MovieFields, MoviePremiere};
use self::input::{MovieDetailsInput, NewMovie, NewPremiere};
use crate::answer::{Accepted, Answer, NoFields};
use crate::execute::{CommandApi, Target};
use crate::incoming::Incoming;
use crate::validation::{parse, path_id};

pub(crate) fn router() -> OpenApiRouter<CommandApi> {
    OpenApiRouter::new()
        .routes(routes!(announce_movie))
        .routes(routes!(update_movie_details))
        .routes(routes!(reschedule_premiere))
        .routes(routes!(withdraw_movie))
}

fn target(command: &'static str, id: &MovieId) -> Target {
    Target {
        command,
        id: id.to_string(),
        location: None,
    }
}

/// Announce a movie
///
/// One that was withdrawn comes back with `"new_release": true`: the same id, its sequence goes on.
#[utoipa::path(post, path = "/movies", tag = "movies", request_body = NewMovie, responses(
    (status = 201, description = "Announced.", body = Accepted<MovieFields>),
))]
async fn announce_movie(
    State(api): State<CommandApi>,
    Incoming {
        request,
        body: JsonDraft(body),
    }: Incoming<JsonDraft<NewMovie>>,
) -> Result<Answer<MovieFields>, Problem> {
    let (id, announcement, new_release) = parse(body, parsed::new_movie)?;
    let shown = MovieFields::of(&announcement.details, Some(&announcement.premiere));
    let command = MovieCommand::Announce {
        announcement: Box::new(announcement),
        new_release,
    };
    let target = Target {
        location: Some(format!("/movies/{id}")),
        ..target("movie.announce", &id)
    };
    api.accept::<Movie, _>(target, request, command, |_| shown).await
}

/// Update a movie's details
///
/// All of them: what is left out is not known any more.
#[utoipa::path(put, path = "/movies/{id}/details", tag = "movies", params(("id" = String, Path, description = "The movie's id.", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "metropolis")),
    request_body = MovieDetailsInput, responses((status = 200, description = "Updated, or the same as before.", body = Accepted<MovieFields>)))]
async fn update_movie_details(
    State(api): State<CommandApi>,
    Path(id): Path<String>,
    Incoming {
        request,
        body: JsonDraft(body),
    }: Incoming<JsonDraft<MovieDetailsInput>>,
) -> Result<Answer<MovieFields>, Problem> {
    let id = path_id("id", &id, MovieId::parse)?;
    let details = parse(body, parsed::details)?;
    let shown = MovieFields::of(&details, None);
    let command = MovieCommand::UpdateDetails(Box::new(details));
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
        body: JsonDraft(body),
    }: Incoming<JsonDraft<NewPremiere>>,
) -> Result<Answer<MoviePremiere>, Problem> {
    let id = path_id("id", &id, MovieId::parse)?;
    let premiere = parse(body, |body, fields| {
        parsed::premiere(body.premiere_date.as_deref(), body.premieres, fields)
    })?;
    let shown = MoviePremiere::of(&premiere);
    let command = MovieCommand::ReschedulePremiere(premiere);
    api.accept::<Movie, _>(target("movie.reschedule_premiere", &id), request, command, |_| shown)
        .await
}

/// Withdraw a movie
///
/// Only a new release brings it back: `POST /movies` with its id and `"new_release": true`.
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
