//! The routes that answer about users.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{Role, UserError, UserId};
use serde::{Deserialize, Serialize};
use service::{Path, Problem, Query};
use utoipa::openapi::Object;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::queries::{self, UserPlace};
use super::row::UserRow;
use crate::parameters::{CursorText, NoParameters, Parameters, path_id};
use crate::refusal::{ReadRefusals, absent, unreadable};
use crate::search::query::SearchQuery;
use crate::search::rank::{Found, RankPlace};
use crate::{Answer, Cursor, Page, ReadWanted, Reads};

/// A user.
#[derive(Serialize, ToSchema)]
struct User {
    /// The user's id.
    id: String,
    /// Name as shown.
    #[schema(example = "Ada Lovelace")]
    full_name: String,
    /// Address for mail; null when the user has none.
    #[schema(required = true)]
    email: Option<String>,
    /// Roles in the order they were granted: `customer`, `box_office`, `manager`, `operator`, `admin`.
    roles: Vec<String>,
    /// When the user was registered.
    created_at: DateTime<Utc>,
    /// When profile or roles last changed.
    updated_at: DateTime<Utc>,
    /// When the user last logged in; null before the first time.
    #[schema(required = true)]
    last_login_at: Option<DateTime<Utc>>,
    /// Sequence of the user's last event.
    sequence: i64,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id,
            full_name: row.full_name,
            email: row.email,
            roles: row.roles,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_login_at: row.last_login_at,
            sequence: row.sequence,
        }
    }
}

/// What a list of users may be asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UserListParameters {
    #[param(schema_with = role)]
    role: Option<String>,
    /// Only users whose name has, for each word of this text, a word that begins with it, whatever the case and the accents;
    /// also `"a phrase"`, `or`, `-without`. The best match comes first: the name itself, names that begin with the text, others.
    /// At most 200 characters.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Users per page, 1 to 100.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    #[serde(rename = "min_position")]
    #[param(ignore)]
    _min_position: Option<String>,
}

fn role() -> Object {
    service::one_of("Only users that hold this role.", Role::VALUES.map(Role::as_str))
}

pub(super) fn router(reads: Reads) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_users))
        .routes(routes!(get_user))
        .with_state(reads)
}

/// Get a user
#[utoipa::path(
    get, path = "/users/{id}", tag = "users",
    params(("id" = String, Path, description = "The user's id.", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "demo-ada"), ReadWanted),
    responses(
        (
            status = 200, description = "The user.", body = User,
            headers(
                ("ETag" = String, description = "Of its state, opaque, in quotes; for `If-Match`."),
                ("Read-Position" = i64, description = "The answer includes everything up to this position."),
            ),
        ),
        (
            status = 404, description = "`USER_NOT_FOUND`: there has never been one.",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"),
        ),
        (
            status = 410, description = "`USER_DELETED`: it has ended for ever.",
            content_type = "application/problem+json", body = ref("#/components/schemas/Problem"),
        ),
        ReadRefusals,
    )
)]
async fn get_user(
    State(reads): State<Reads>,
    Path(id): Path<String>,
    _query: Query<NoParameters>,
    wanted: ReadWanted,
) -> Result<Answer<User>, Problem> {
    let id = path_id("id", &id, UserId::parse)?;
    let mut read = reads.begin(&wanted, &[("user", id.as_str())]).await?;
    let found = queries::find(&mut read.connection, &read.generation, &id)
        .await
        .map_err(unreadable)?;
    match found {
        None => Err(absent(read.position, &UserError::NotFound)),
        Some(row) if row.gone => Err(absent(read.position, &UserError::Deleted)),
        Some(row) => {
            let sequence = row.sequence;
            Ok(Answer::new(&wanted, read.position, User::from(row)).etag(sequence))
        }
    }
}

/// List users by name
#[utoipa::path(
    get, path = "/users", tag = "users",
    params(UserListParameters, ReadWanted),
    responses(
        (
            status = 200, description = "A page of users.", body = Page<User>,
            headers(
                ("ETag" = String, description = "Of this page; for `If-None-Match`."),
                ("Read-Position" = i64, description = "The answer includes everything up to this position."),
            ),
        ),
        ReadRefusals,
    )
)]
async fn list_users(
    State(reads): State<Reads>,
    Query(given): Query<UserListParameters>,
    wanted: ReadWanted,
) -> Result<Answer<Page<User>>, Problem> {
    let mut parameters = Parameters::default();
    let role = parameters.optional("role", given.role.as_deref(), Role::parse);
    let q = parameters.search("q", given.q.as_deref());
    let limit = parameters.limit(given.limit.as_deref());
    parameters.finish()?;
    let list = ("users", role.map(Role::as_str), &q);
    if let Some(q) = &q {
        let query = SearchQuery::of_names(q);
        let after: Option<RankPlace> = given.cursor.map(|cursor| Cursor::decode(&cursor, &list)).transpose()?;
        let mut read = reads.begin(&wanted, &[]).await?;
        let found = queries::search(
            &mut read.connection,
            &read.generation,
            &query,
            role,
            after.as_ref(),
            limit,
        )
        .await
        .map_err(unreadable)?;
        let place = |found: &Found<UserRow>| Cursor::encode(&found.place(), &list);
        let page = Page::cut(found, limit, place, |found| User::from(found.row));
        return Ok(Answer::new(&wanted, read.position, page));
    }

    let after: Option<UserPlace> = given.cursor.map(|cursor| Cursor::decode(&cursor, &list)).transpose()?;
    let mut read = reads.begin(&wanted, &[]).await?;
    let rows = queries::list(&mut read.connection, &read.generation, role, after.as_ref(), limit)
        .await
        .map_err(unreadable)?;
    let place = |row: &UserRow| {
        let place: UserPlace = (CursorText(row.full_name.clone()), CursorText(row.id.clone()));
        Cursor::encode(&place, &list)
    };
    let page = Page::cut(rows, limit, place, User::from);
    Ok(Answer::new(&wanted, read.position, page))
}
