//! What is found, the best first: each row in the first tier it belongs to, and in a tier by its key, then by its id.
//!
//! | tier | the row's |
//! |---|---|
//! | 0 | first title is what is looked for |
//! | 1 | a title is, apart from spaces, articles and spelling |
//! | 2 | first title begins with it |
//! | 3 | another title does, or one without its article |
//! | 4... | words, as the query lists them: those of titles, of people, of the text |
//!
//! Tiers 0 and 2 are ranges of the index of keys. What else is found, first in names, then in all words, is counted up to a
//! thousand: if it is fewer, all of it is ranked, if it is more, each tier is read in the order of the index of keys until the page
//! is full. What ends that early is that there is much of it; a phrase that is rare, of words that most rows have, is looked for in
//! all of them.

mod statement;

use std::ops::Range;

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Postgres, QueryBuilder, Row as _, Transaction};

use super::query::{Column, Question, SearchQuery};
use crate::parameters::CursorText;
use crate::row::Table;
use crate::{Generation, Limit};
use statement::{Exactness, Reading};

/// Rows that are ranked at once.
const RANKED_MAX: i64 = 1_000;
/// Sorts behind every character there is.
const LAST: char = '\u{10FFFF}';

const EXACT: i32 = 0;
const WHOLE: i32 = 1;
const BEGINS: i32 = 2;
const ANOTHER_BEGINS: i32 = 3;
const WORDS: i32 = 4;

/// The place of a row in what is found: tier, key, id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RankPlace(u8, CursorText, CursorText);

/// A row that was found.
#[derive(Clone, Debug)]
pub(crate) struct Found<T> {
    pub(crate) row: T,
    tier: u8,
    key: String,
}

impl<T: Table> Found<T> {
    /// Where the page behind this row begins.
    pub(crate) fn place(&self) -> RankPlace {
        RankPlace(
            self.tier,
            CursorText(self.key.clone()),
            CursorText(self.row.id().to_owned()),
        )
    }

    fn of(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            row: T::from_row(row)?,
            tier: u8::try_from(row.try_get::<i32, _>("tier")?).unwrap_or(u8::MAX),
            key: row.try_get("search_key")?,
        })
    }
}

/// Begins what a search reads with: one moment for all its statements, and no reading of whole tables, which the planner takes
/// to where it expects to find enough of them soon.
///
/// # Errors
/// What the database refuses.
pub(crate) async fn begin(connection: &mut PgConnection) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
    connection
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_seqscan = off")
        .await
}

/// A search of a table with the columns `search_key` and `search_names`, and `search_words` where the query asks for it.
#[derive(Debug)]
pub(crate) struct Ranking<'a, F> {
    pub(crate) generation: &'a Generation,
    pub(crate) query: &'a SearchQuery,
    /// Narrows what is found.
    pub(crate) filter: F,
    pub(crate) after: Option<&'a RankPlace>,
    pub(crate) limit: Limit,
}

type Statement<'a> = QueryBuilder<'a, Postgres>;

impl<'a, F: Fn(&mut Statement<'a>)> Ranking<'a, F> {
    /// Finds a page, with one row more to tell that there is another.
    ///
    /// # Errors
    /// What the database refuses.
    pub(crate) async fn page<T: Table>(&self, connection: &mut PgConnection) -> Result<Vec<Found<T>>, sqlx::Error> {
        let mut tx = begin(connection).await?;
        let found = self.find(&mut tx).await?;
        tx.commit().await?;
        Ok(found)
    }

    async fn find<T: Table>(&self, connection: &mut PgConnection) -> Result<Vec<Found<T>>, sqlx::Error> {
        let from = self.after.map_or(EXACT, |place| i32::from(place.0));
        let mut found = Vec::new();
        if from <= BEGINS && !self.query.key.is_empty() {
            found = rows(self.by_key::<T>(from), connection).await?;
        }
        if self.room(&found) == 0 {
            return Ok(found);
        }
        if self.query.words.is_empty() {
            if self.query.excluded.is_some() {
                let statement = self.tier::<T>(WORDS, Reading::InOrder, self.room(&found));
                found.extend(rows(statement, connection).await?);
            }
            return Ok(found);
        }
        for stage in [self.names(), self.texts()] {
            if !stage.is_empty() && from < stage.end && self.room(&found) > 0 {
                self.stage(stage, from, &mut found, connection).await?;
            }
        }
        Ok(found)
    }

    /// The tiers that are found in the column of names, behind those that are found by key.
    fn names(&self) -> Range<i32> {
        let questions = self
            .query
            .words
            .iter()
            .filter(|question| question.column == Column::Names);
        ANOTHER_BEGINS..WORDS + questions.count() as i32
    }

    /// The tiers that are found in the column of all words, which most pages do without.
    fn texts(&self) -> Range<i32> {
        self.names().end..WORDS + self.query.words.len() as i32
    }

    /// Goes on with what is found in one column: all of it at once, or tier by tier.
    async fn stage<T: Table>(
        &self,
        stage: Range<i32>,
        from: i32,
        found: &mut Vec<Found<T>>,
        connection: &mut PgConnection,
    ) -> Result<(), sqlx::Error> {
        if stage == self.texts() {
            // Where much is found, enough of it is among the first rows, and the index need not list all of it.
            let statement = self.among_first::<T>(from.max(stage.start), self.room(found));
            let first = rows(statement, connection).await?;
            if self.room(found) == first.len() as i64 {
                found.extend(first);
                return Ok(());
            }
        }
        if let Some(all) = self
            .ranked_if_few::<T>(&stage, from, self.room(found), connection)
            .await?
        {
            found.extend(all);
            return Ok(());
        }
        for tier in stage.filter(|tier| *tier >= from) {
            let room = self.room(found);
            if room == 0 {
                break;
            }
            let one = tier..tier + 1;
            let rows = match self.ranked_if_few::<T>(&one, tier, room, connection).await? {
                Some(rows) => rows,
                None => rows(self.tier::<T>(tier, self.reading(tier), room), connection).await?,
            };
            found.extend(rows);
        }
        Ok(())
    }

    /// How a tier is read that much is found for. Of a phrase nobody knows how rare it is: in order, all rows may be read for it.
    fn reading(&self, tier: i32) -> Reading {
        match self.question(tier) {
            Some(question) if question.has_phrase() => Reading::LookedUp,
            _ => Reading::InOrder,
        }
    }

    /// What is asked in a tier of words.
    fn question(&self, tier: i32) -> Option<&'a Question> {
        self.query.words.get(usize::try_from(tier - WORDS).ok()?)
    }

    /// Everything that is found in some tiers, if it is few enough to be ranked at once. Phrases count as their words, which the
    /// index finds without a look at the rows.
    async fn ranked_if_few<T: Table>(
        &self,
        tiers: &Range<i32>,
        from: i32,
        limit: i64,
        connection: &mut PgConnection,
    ) -> Result<Option<Vec<Found<T>>>, sqlx::Error> {
        let rows = self
            .ranked::<T>(tiers, from, limit)
            .build()
            .fetch_all(connection)
            .await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            if row.try_get::<i64, _>("candidates")? > RANKED_MAX {
                return Ok(None);
            }
            // Where nothing is found one row tells how much was looked at.
            if row.try_get::<Option<i32>, _>("tier")?.is_some() {
                found.push(Found::of(row)?);
            }
        }
        Ok(Some(found))
    }

    /// Narrows a statement on the table to what is found, for another order than that of the tiers.
    ///
    /// # Errors
    /// What the database refuses.
    pub(crate) async fn push_found<T: Table>(
        &self,
        statement: &mut Statement<'a>,
        connection: &mut PgConnection,
    ) -> Result<(), sqlx::Error> {
        if !self.query.words.is_empty() {
            let all = ANOTHER_BEGINS..self.texts().end;
            let is_few = self.is_few::<T>(&all, connection).await?;
            statement.push(" AND ");
            if is_few {
                // Else a search that finds little would read all rows in order.
                statement.push(format!(
                    "id IN (SELECT id FROM {}.{} WHERE NOT gone AND ",
                    self.generation,
                    T::NAME
                ));
                self.push_any(statement, &all, Exactness::AsAsked);
                statement.push(" OFFSET 0)");
            } else {
                self.push_any(statement, &all, Exactness::AsAsked);
                statement.push(" IS TRUE");
            }
        } else if self.query.excluded.is_none() {
            statement.push(" AND ");
            self.push_condition(statement, WHOLE);
        }
        self.push_narrowed(statement);
        Ok(())
    }

    fn room<T>(&self, found: &[Found<T>]) -> i64 {
        self.limit.fetch() - found.len() as i64
    }

    /// Tells whether so few rows are found in some tiers that all of them can be ranked. Phrases count as their words, which the
    /// index finds without a look at the rows.
    async fn is_few<T: Table>(&self, tiers: &Range<i32>, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let (table, generation) = (T::NAME, self.generation);
        let mut statement = QueryBuilder::new(format!(
            "SELECT count(*) FROM (SELECT FROM {generation}.{table} WHERE NOT gone AND "
        ));
        self.push_any(&mut statement, tiers, Exactness::WordsOnly);
        self.push_narrowed(&mut statement);
        // A number that the planner knows.
        statement.push(format!(" LIMIT {}) AS found", RANKED_MAX + 1));
        let count: i64 = statement.build_query_scalar().fetch_one(connection).await?;
        Ok(count <= RANKED_MAX)
    }
}

async fn rows<T: Table>(
    mut statement: Statement<'_>,
    connection: &mut PgConnection,
) -> Result<Vec<Found<T>>, sqlx::Error> {
    let rows = statement.build().fetch_all(connection).await?;
    rows.iter().map(Found::of).collect()
}
