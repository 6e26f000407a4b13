//! The statements that read movies.

use chrono::Days;
use domain::MovieId;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::facts::facet_of_external_id;
use super::list::{MovieFilter, MoviePlace, MovieSort, PremiereDays};
use super::row::MovieRow;
use crate::row::{self, Table};
use crate::search::query::SearchQuery;
use crate::search::rank::{Found, RankPlace, Ranking, begin};
use crate::{Generation, Limit};

/// From the first day of a month to its last, at most.
const MONTH_DAYS: Days = Days::new(30);

/// A movie of a list.
#[derive(Debug)]
pub(super) struct FoundMovie {
    pub(super) row: MovieRow,
    /// Where it stands among what is found; none unless the list is sorted by that.
    pub(super) place: Option<RankPlace>,
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
pub(super) async fn list(
    connection: &mut PgConnection,
    generation: &Generation,
    filter: &MovieFilter,
    sort: MovieSort,
    after: Option<&MoviePlace>,
    limit: Limit,
) -> Result<Vec<FoundMovie>, sqlx::Error> {
    if let Some(q) = &filter.q {
        return search(
            connection,
            generation,
            &SearchQuery::of_texts(q),
            filter,
            sort,
            after,
            limit,
        )
        .await;
    }
    let mut statement = select(generation);
    push_filter(&mut statement, generation, filter);
    push_order(&mut statement, sort, after, limit);
    let rows = statement.build_query_as().fetch_all(connection).await?;
    Ok(rows.into_iter().map(FoundMovie::sorted).collect())
}

/// Lists movies that are found, in the order of how well they match or in another.
async fn search<'a>(
    connection: &mut PgConnection,
    generation: &'a Generation,
    query: &'a SearchQuery,
    filter: &'a MovieFilter,
    sort: MovieSort,
    after: Option<&'a MoviePlace>,
    limit: Limit,
) -> Result<Vec<FoundMovie>, sqlx::Error> {
    let place = match after {
        Some(MoviePlace::Relevance(place)) => Some(place),
        _ => None,
    };
    let ranking = Ranking {
        generation,
        query,
        filter: move |statement: &mut QueryBuilder<'a, Postgres>| push_filter(statement, generation, filter),
        after: place,
        limit,
    };
    if sort == MovieSort::Relevance {
        let found = ranking.page(connection).await?;
        return Ok(found.into_iter().map(FoundMovie::ranked).collect());
    }
    let mut tx = begin(connection).await?;
    let mut statement = select(generation);
    ranking.push_found::<MovieRow>(&mut statement, &mut tx).await?;
    push_order(&mut statement, sort, after, limit);
    let rows = statement.build_query_as().fetch_all(&mut *tx).await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(FoundMovie::sorted).collect())
}

impl FoundMovie {
    fn ranked(found: Found<MovieRow>) -> Self {
        Self {
            place: Some(found.place()),
            row: found.row,
        }
    }

    fn sorted(row: MovieRow) -> Self {
        Self { row, place: None }
    }
}

fn select<'a>(generation: &Generation) -> QueryBuilder<'a, Postgres> {
    let columns = MovieRow::COLUMNS;
    QueryBuilder::new(format!("SELECT {columns} FROM {generation}.movies WHERE NOT gone"))
}

fn push_order<'a>(
    statement: &mut QueryBuilder<'a, Postgres>,
    sort: MovieSort,
    after: Option<&'a MoviePlace>,
    limit: Limit,
) {
    push_after(statement, sort, after);
    statement.push(match sort {
        MovieSort::Relevance | MovieSort::Title => " ORDER BY title, id",
        MovieSort::PremiereDate => " ORDER BY premiere_from, id",
        MovieSort::PremiereDateDescending => " ORDER BY premiere_to DESC, id DESC",
    });
    statement.push(" LIMIT ").push_bind(limit.fetch());
}

fn push_filter<'a>(query: &mut QueryBuilder<'a, Postgres>, generation: &Generation, filter: &'a MovieFilter) {
    if let Some(genre) = &filter.genre {
        query.push(" AND genres @> ARRAY[").push_bind(genre.as_str()).push("]");
    }
    if let Some(age_rating) = filter.age_rating {
        query.push(" AND age_rating = ").push_bind(age_rating.as_str());
    }
    if !filter.facets.is_empty() {
        query.push(" AND facets @> ").push_bind(&filter.facets);
    }
    if let Some(id) = &filter.external_id {
        push_holder(query, generation, id);
    }
    if let Some(window) = filter.premieres {
        push_window(query, window);
    }
}

/// Of all movies that have the external id, the one that claimed it first.
fn push_holder<'a>(query: &mut QueryBuilder<'a, Postgres>, generation: &Generation, id: &'a str) {
    query
        .push(format!(
            " AND id = (SELECT id FROM {generation}.movies WHERE NOT gone AND facets @> ARRAY["
        ))
        .push_bind(facet_of_external_id(id))
        .push("] ORDER BY (claims ->> ")
        .push_bind(id)
        .push(")::bigint LIMIT 1)");
}

/// A premiere known to the day is in the window if the day is. One known to the month is in every window that reaches into the
/// month. One known to the year is only in windows with all of it: else it would be news all the year.
fn push_window(query: &mut QueryBuilder<'_, Postgres>, window: PremiereDays) {
    let PremiereDays { from, to } = window;
    query
        // No month that reaches into the window begins earlier: an end for the search in the index.
        .push(" AND premiere_from >= ")
        .push_bind(from - MONTH_DAYS)
        .push(" AND premiere_from <= ")
        .push_bind(to)
        .push(" AND premiere_to >= ")
        .push_bind(from)
        .push(" AND (premiere_to - premiere_from < 31 OR (premiere_from >= ")
        .push_bind(from)
        .push(" AND premiere_to <= ")
        .push_bind(to)
        .push("))");
}

fn push_after<'a>(query: &mut QueryBuilder<'a, Postgres>, sort: MovieSort, after: Option<&'a MoviePlace>) {
    match after {
        None | Some(MoviePlace::Relevance(_)) => {}
        Some(MoviePlace::Title(title, id)) => {
            query
                .push(" AND (title, id) > (")
                .push_bind(&title.0)
                .push(", ")
                .push_bind(&id.0)
                .push(")");
        }
        Some(MoviePlace::Premiere(date, id)) => {
            let (column, behind) = if sort == MovieSort::PremiereDateDescending {
                ("premiere_to", "<")
            } else {
                ("premiere_from", ">")
            };
            query.push(format!(" AND ({column}, id) {behind} (")).push_bind(date.0);
            query.push(", ").push_bind(&id.0).push(")");
        }
    }
}
