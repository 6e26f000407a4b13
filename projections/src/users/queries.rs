//! The statements that read users.

use domain::{Role, UserId};
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::row::UserRow;
use super::words::name_query;
use crate::parameters::CursorText;
use crate::row::{self, Table};
use crate::{Generation, Limit};

/// What a list of users is narrowed to.
#[derive(Debug, Default)]
pub(super) struct UserFilter {
    /// Users that hold this role.
    pub(super) role: Option<Role>,
    /// Users whose name has, for each word of this text, a word that begins with it.
    pub(super) q: Option<String>,
}

/// Place of a user in a list: by name, then by id.
pub(super) type UserPlace = (CursorText, CursorText);

/// Finds a user, deleted ones included.
pub(super) async fn find(
    connection: &mut PgConnection,
    generation: &Generation,
    id: &UserId,
) -> Result<Option<UserRow>, sqlx::Error> {
    row::find(connection, generation, id.as_str()).await
}

/// Lists users by name, those after a place if one is given.
///
/// `OFFSET 0` keeps a search and the order apart: planned together, a search that finds little reads all users by name.
pub(super) async fn list(
    connection: &mut PgConnection,
    generation: &Generation,
    filter: &UserFilter,
    after: Option<&UserPlace>,
    limit: Limit,
) -> Result<Vec<UserRow>, sqlx::Error> {
    let columns = UserRow::COLUMNS;
    let mut query: QueryBuilder<'_, Postgres> = QueryBuilder::new(format!(
        "SELECT {columns} FROM (SELECT {columns} FROM {generation}.users WHERE NOT gone"
    ));
    if let Some(role) = filter.role {
        // The index has only users with roles, and the planner does not conclude it.
        query
            .push(" AND roles <> '{}' AND roles @> ARRAY[")
            .push_bind(role.as_str())
            .push("]");
    }
    if let Some(q) = &filter.q {
        let Some(words) = name_query(q) else {
            return Ok(Vec::new());
        };
        query
            .push(" AND array_to_tsvector(name_words) @@ ")
            .push_bind(words)
            .push("::tsquery OFFSET 0");
    }
    query.push(") AS found");
    if let Some((full_name, id)) = after {
        query
            .push(" WHERE (full_name, id) > (")
            .push_bind(&full_name.0)
            .push(", ")
            .push_bind(&id.0)
            .push(")");
    }
    query.push(" ORDER BY full_name, id LIMIT ").push_bind(limit.fetch());
    query.build_query_as().fetch_all(connection).await
}
