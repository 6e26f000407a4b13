//! The statements that read users.

use domain::{Role, UserId};
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::row::UserRow;
use crate::parameters::CursorText;
use crate::row::{self, Table};
use crate::search::query::SearchQuery;
use crate::search::rank::{Found, RankPlace, Ranking};
use crate::{Generation, Limit};

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

/// Lists users by name, those that hold a role if one is given, and those after a place.
pub(super) async fn list(
    connection: &mut PgConnection,
    generation: &Generation,
    role: Option<Role>,
    after: Option<&UserPlace>,
    limit: Limit,
) -> Result<Vec<UserRow>, sqlx::Error> {
    let columns = UserRow::COLUMNS;
    let mut query = QueryBuilder::new(format!("SELECT {columns} FROM {generation}.users WHERE NOT gone"));
    push_role(&mut query, role);
    if let Some((full_name, id)) = after {
        query
            .push(" AND (full_name, id) > (")
            .push_bind(&full_name.0)
            .push(", ")
            .push_bind(&id.0)
            .push(")");
    }
    query.push(" ORDER BY full_name, id LIMIT ").push_bind(limit.fetch());
    query.build_query_as().fetch_all(connection).await
}

/// Finds users by their names, the best match first.
pub(super) async fn search(
    connection: &mut PgConnection,
    generation: &Generation,
    query: &SearchQuery,
    role: Option<Role>,
    after: Option<&RankPlace>,
    limit: Limit,
) -> Result<Vec<Found<UserRow>>, sqlx::Error> {
    let ranking = Ranking {
        generation,
        query,
        filter: |statement: &mut QueryBuilder<'_, Postgres>| push_role(statement, role),
        after,
        limit,
    };
    ranking.page(connection).await
}

fn push_role(query: &mut QueryBuilder<'_, Postgres>, role: Option<Role>) {
    if let Some(role) = role {
        // The index has only users with roles, and the planner does not conclude it.
        query
            .push(" AND roles <> '{}' AND roles @> ARRAY[")
            .push_bind(role.as_str())
            .push("]");
    }
}
