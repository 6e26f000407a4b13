//! The commands to cinemas.

use axum::extract::State;
use cqrs_es::Aggregate;
use domain::{Address, Cinema, CinemaCommand, CinemaId, CinemaName, CityId, Movie, MovieId, TimeZone};
use event_store::{Guard, Prepared, StoreError};
use serde::{Deserialize, Serialize};
use service::{JsonDraft, Path, Problem, RawBody};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Accepted, Answer, NoFields};
use crate::execute::{CommandApi, Target};
use crate::incoming::Incoming;
use crate::validation::{Validation, parse, path_id};

pub(crate) fn router() -> OpenApiRouter<CommandApi> {
    OpenApiRouter::new()
        .routes(routes!(open_cinema))
        .routes(routes!(update_cinema_details))
        .routes(routes!(add_to_programme, remove_from_programme))
        .routes(routes!(close_cinema))
}

/// A cinema to be opened.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Zoo Palast", "city_id": "berlin", "address": "Hardenbergstraße 29a", "time_zone": "Europe/Berlin",
}))]
struct NewCinema {
    /// 1 to 64 characters of A-Z, a-z, 0-9, _ and -; made if it is left out.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    id: Option<String>,
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, example = "Babylon")]
    name: String,
    /// 1 to 64 characters of A-Z, a-z, 0-9, _ and -.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$", example = "berlin")]
    city_id: String,
    /// 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500, example = "Rosa-Luxemburg-Straße 30")]
    address: String,
    /// The name of a place's zone in the IANA time zone database, exactly as it is written there; not `UTC` or another offset.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
}

/// A cinema's details, all of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CinemaDetailsInput {
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, example = "Babylon")]
    name: String,
    /// 1 to 64 characters of A-Z, a-z, 0-9, _ and -.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$", example = "berlin")]
    city_id: String,
    /// 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500, example = "Rosa-Luxemburg-Straße 30")]
    address: String,
    /// The name of a place's zone in the IANA time zone database, exactly as it is written there; not `UTC` or another offset.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
}

/// What a cinema command set.
#[derive(Clone, Serialize, ToSchema)]
struct CinemaFields {
    #[schema(required = false)]
    name: String,
    #[schema(required = false)]
    city_id: String,
    #[schema(required = false)]
    address: String,
    #[schema(required = false)]
    time_zone: String,
}

/// The movie that was added or removed.
#[derive(Serialize, ToSchema)]
struct ProgrammeMovie {
    #[schema(required = false)]
    movie_id: String,
}

/// The details of a cinema, parsed.
struct ParsedDetails {
    name: CinemaName,
    city_id: CityId,
    address: Address,
    time_zone: TimeZone,
}

impl ParsedDetails {
    fn parse(input: &CinemaDetailsInput, fields: &mut Validation) -> Option<Self> {
        let name = fields.field("/name", CinemaName::parse(&input.name));
        let city_id = fields.field("/city_id", CityId::parse(&input.city_id));
        let address = fields.field("/address", Address::parse(&input.address));
        let time_zone = fields.field("/time_zone", TimeZone::parse(&input.time_zone));
        Some(Self {
            name: name?,
            city_id: city_id?,
            address: address?,
            time_zone: time_zone?,
        })
    }

    fn shown(&self) -> CinemaFields {
        CinemaFields {
            name: self.name.to_string(),
            city_id: self.city_id.to_string(),
            address: self.address.to_string(),
            time_zone: self.time_zone.to_string(),
        }
    }
}

fn target(command: &'static str, id: &CinemaId) -> Target {
    Target {
        command,
        id: id.to_string(),
        location: None,
    }
}

/// Open a cinema
#[utoipa::path(post, path = "/cinemas", tag = "cinemas", request_body = NewCinema, responses(
    (status = 201, description = "Opened.", body = Accepted<CinemaFields>),
))]
async fn open_cinema(
    State(api): State<CommandApi>,
    Incoming {
        request,
        body: JsonDraft(body),
    }: Incoming<JsonDraft<NewCinema>>,
) -> Result<Answer<CinemaFields>, Problem> {
    let (id, details) = parse(body, |body, fields| {
        let id = fields.new_id(body.id.as_deref(), CinemaId::parse);
        let details = CinemaDetailsInput {
            name: body.name,
            city_id: body.city_id,
            address: body.address,
            time_zone: body.time_zone,
        };
        let details = ParsedDetails::parse(&details, fields);
        Some((id?, details?))
    })?;
    let shown = details.shown();
    let ParsedDetails {
        name,
        city_id,
        address,
        time_zone,
    } = details;
    let command = CinemaCommand::Open {
        name,
        city_id,
        address,
        time_zone,
    };
    let target = Target {
        location: Some(format!("/cinemas/{id}")),
        ..target("cinema.open", &id)
    };
    api.accept::<Cinema, _>(target, request, command, |_| shown).await
}

/// Update a cinema's details
#[utoipa::path(put, path = "/cinemas/{id}/details", tag = "cinemas", params(("id" = String, Path, description = "The cinema's id.", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "babylon-berlin")),
    request_body = CinemaDetailsInput, responses((status = 200, description = "Updated, or the same as before.", body = Accepted<CinemaFields>)))]
async fn update_cinema_details(
    State(api): State<CommandApi>,
    Path(id): Path<String>,
    Incoming {
        request,
        body: JsonDraft(body),
    }: Incoming<JsonDraft<CinemaDetailsInput>>,
) -> Result<Answer<CinemaFields>, Problem> {
    let id = path_id("id", &id, CinemaId::parse)?;
    let details = parse(body, |body, fields| ParsedDetails::parse(&body, fields))?;
    let shown = details.shown();
    let ParsedDetails {
        name,
        city_id,
        address,
        time_zone,
    } = details;
    let command = CinemaCommand::UpdateDetails {
        name,
        city_id,
        address,
        time_zone,
    };
    api.accept::<Cinema, _>(target("cinema.update_details", &id), request, command, |_| shown)
        .await
}

/// Add a movie to a cinema's programme
///
/// Only a movie that exists and is not withdrawn. One that is in the programme already changes nothing.
#[utoipa::path(put, path = "/cinemas/{id}/programme/{movie_id}", tag = "cinemas",
    params(("id" = String, Path, description = "The cinema's id.", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "babylon-berlin"), ("movie_id" = String, Path, description = "The movie's id.", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "alien")),
    responses((status = 200, description = "The movie is in the programme.", body = Accepted<ProgrammeMovie>)))]
async fn add_to_programme(
    State(api): State<CommandApi>,
    Path((id, movie_id)): Path<(String, String)>,
    Incoming {
        request,
        body: RawBody(_),
    }: Incoming<RawBody>,
) -> Result<Answer<ProgrammeMovie>, Problem> {
    let id = path_id("id", &id, CinemaId::parse)?;
    let movie_id = path_id("movie_id", &movie_id, MovieId::parse)?;
    let prepare = || adding(&api, &movie_id);
    let shown = |_: &Cinema| ProgrammeMovie {
        movie_id: movie_id.to_string(),
    };
    api.prepare_and_accept(target("cinema.add_to_programme", &id), request, prepare, shown)
        .await
}

/// The command with the movie's standing, which must still be true when the event is appended.
async fn adding(api: &CommandApi, movie_id: &MovieId) -> Result<Prepared<CinemaCommand>, StoreError> {
    let movie = api.store.load::<Movie>(movie_id.as_str()).await?;
    let guard = Guard {
        aggregate_type: Movie::TYPE,
        aggregate_id: movie_id.to_string(),
        sequence: movie.sequence,
    };
    let command = CinemaCommand::AddToProgramme {
        movie_id: movie_id.clone(),
        movie: movie.state.standing(),
    };
    Ok(Prepared {
        command,
        guard: Some(guard),
    })
}

/// Remove a movie from a cinema's programme
///
/// One that is not in the programme changes nothing.
#[utoipa::path(delete, path = "/cinemas/{id}/programme/{movie_id}", tag = "cinemas",
    params(("id" = String, Path, description = "The cinema's id.", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "babylon-berlin"), ("movie_id" = String, Path, description = "The movie's id.", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "alien")),
    responses((status = 200, description = "The movie is not in the programme.", body = Accepted<ProgrammeMovie>)))]
async fn remove_from_programme(
    State(api): State<CommandApi>,
    Path((id, movie_id)): Path<(String, String)>,
    Incoming {
        request,
        body: RawBody(_),
    }: Incoming<RawBody>,
) -> Result<Answer<ProgrammeMovie>, Problem> {
    let id = path_id("id", &id, CinemaId::parse)?;
    let movie_id = path_id("movie_id", &movie_id, MovieId::parse)?;
    let command = CinemaCommand::RemoveFromProgramme {
        movie_id: movie_id.clone(),
    };
    let shown = |_: &Cinema| ProgrammeMovie {
        movie_id: movie_id.to_string(),
    };
    api.accept(target("cinema.remove_from_programme", &id), request, command, shown)
        .await
}

/// Close a cinema
///
/// For ever: the id is not used again.
#[utoipa::path(delete, path = "/cinemas/{id}", tag = "cinemas", params(("id" = String, Path, description = "The cinema's id.", pattern = "^[A-Za-z0-9_-]{1,64}$")),
    responses((status = 200, description = "Closed.", body = Accepted<NoFields>)))]
async fn close_cinema(
    State(api): State<CommandApi>,
    Path(id): Path<String>,
    Incoming {
        request,
        body: RawBody(_),
    }: Incoming<RawBody>,
) -> Result<Answer<NoFields>, Problem> {
    let id = path_id("id", &id, CinemaId::parse)?;
    api.accept(
        target("cinema.close", &id),
        request,
        CinemaCommand::Close,
        |_: &Cinema| NoFields {},
    )
    .await
}
