//! The statements that read movies.

use domain::MovieId;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::list::{MovieFilter, MoviePlace, MovieSort};
use super::row::MovieRow;
use crate::row::{self, Table};
use crate::{Generation, Limit};

/// A movie of a list.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct FoundMovie {
    #[sqlx(flatten)]
    pub(super) row: MovieRow,
    /// How well it matches, in millionths; 0 unless the list is sorted by it.
    pub(super) relevance: i32,
}

/// Finds a movie, withdrawn ones included.
pub(super) async fn find(
    connection: &mut PgConnection,
    generation: &Generation,
    id: &MovieId,
) -> Result<Option<MovieRow>, sqlx::Error> {
    row::find(connection, generation, id.as_str()).await
}

/// Lists movies, those after a place if one is given. The texts are few and constant, so that each is planned once.
///
/// `OFFSET 0` keeps a search and the order apart: planned together, a search that finds little reads all movies in order.
pub(super) async fn list(
    connection: &mut PgConnection,
    generation: &Generation,
    filter: &MovieFilter,
    sort: MovieSort,
    after: Option<&MoviePlace>,
    limit: Limit,
) -> Result<Vec<FoundMovie>, sqlx::Error> {
    let columns = MovieRow::COLUMNS;
    let mut query = QueryBuilder::new(format!("SELECT {columns}, relevance FROM (SELECT {columns}, "));
    match (&filter.q, sort) {
        (Some(q), MovieSort::Relevance) => {
            query.push("(ts_rank(search, ");
            push_search(&mut query, q);
            query.push(") * 1000000)::integer");
        }
        _ => {
            query.push("0");
        }
    }
    query.push(format!(" AS relevance FROM {generation}.movies WHERE NOT gone"));
    push_filter(&mut query, filter);
    query.push(if filter.q.is_some() {
        " OFFSET 0) AS found"
    } else {
        ") AS found"
    });
    push_after(&mut query, sort, after);
    query.push(match sort {
        MovieSort::Relevance => " ORDER BY relevance DESC, id DESC",
        MovieSort::Title => " ORDER BY title, id",
        MovieSort::PremiereDate => " ORDER BY premiere_date, id",
        MovieSort::PremiereDateDescending => " ORDER BY premiere_date DESC, id DESC",
    });
    query.push(" LIMIT ").push_bind(limit.fetch());
    query.build_query_as().fetch_all(connection).await
}

/// The search as it stands or by its English stems. Both read any text without error.
fn push_search<'a>(query: &mut QueryBuilder<'a, Postgres>, q: &'a str) {
    query.push("(websearch_to_tsquery('simple', ").push_bind(q);
    query
        .push(") || websearch_to_tsquery('english', ")
        .push_bind(q)
        .push("))");
}

fn push_filter<'a>(query: &mut QueryBuilder<'a, Postgres>, filter: &'a MovieFilter) {
    if let Some(q) = &filter.q {
        query.push(" AND search @@ ");
        push_search(query, q);
    }
    if let Some(genre) = &filter.genre {
        query.push(" AND genres @> ARRAY[").push_bind(genre.as_str()).push("]");
    }
    if let Some(age_rating) = filter.age_rating {
        query.push(" AND age_rating = ").push_bind(age_rating.as_str());
    }
    if let Some(window) = filter.premieres {
        query
            .push(" AND premiere_date BETWEEN ")
            .push_bind(window.from)
            .push(" AND ")
            .push_bind(window.to);
    }
}

fn push_after<'a>(query: &mut QueryBuilder<'a, Postgres>, sort: MovieSort, after: Option<&'a MoviePlace>) {
    match after {
        None => {}
        Some(MoviePlace::Relevance(relevance, id)) => {
            query
                .push(" WHERE (relevance, id) < (")
                .push_bind(relevance)
                .push(", ")
                .push_bind(&id.0)
                .push(")");
        }
        Some(MoviePlace::Title(title, id)) => {
            query
                .push(" WHERE (title, id) > (")
                .push_bind(&title.0)
                .push(", ")
                .push_bind(&id.0)
                .push(")");
        }
        Some(MoviePlace::Premiere(date, id)) => {
            let behind = if sort == MovieSort::PremiereDateDescending {
                "<"
            } else {
                ">"
            };
            query
                .push(format!(" WHERE (premiere_date, id) {behind} ("))
                .push_bind(date.0);
            query.push(", ").push_bind(&id.0).push(")");
        }
    }
}
