//! The statements that find the rows of a tier.

use std::ops::Range;

use sqlx::QueryBuilder;

use super::{ANOTHER_BEGINS, BEGINS, EXACT, LAST, RANKED_MAX, RankPlace, Ranking, Statement, WHOLE, WORDS};
use crate::row::Table;
use crate::search::query::{Column, Question};

/// Rows that are looked through before an index is asked for what most rows may have.
const FIRST_ROWS: i64 = 300;

/// How the rows of a condition are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// They are looked up, and put in order.
    LookedUp,
    /// All rows are read in order, until there are enough of them.
    InOrder,
}

/// Whether phrases are asked for as such.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Exactness {
    AsAsked,
    /// Only their words: more is found, and the index alone tells it.
    WordsOnly,
}

impl Exactness {
    fn of(self, question: &Question) -> String {
        match self {
            Self::AsAsked => question.text.clone(),
            Self::WordsOnly => question.anywhere(),
        }
    }
}

impl<'a, F: Fn(&mut Statement<'a>)> Ranking<'a, F> {
    /// The tiers up to [`BEGINS`].
    pub(super) fn by_key<T: Table>(&self, from: i32) -> Statement<'a> {
        let columns = T::COLUMNS;
        let mut statement = QueryBuilder::new(format!("SELECT {columns}, search_key, tier FROM ("));
        for tier in from..=BEGINS {
            statement.push(if tier > from { " UNION ALL (" } else { "(" });
            self.push_tier::<T>(&mut statement, tier, Reading::LookedUp, self.limit.fetch());
            statement.push(")");
        }
        statement
            .push(") AS found ORDER BY tier, search_key, id LIMIT ")
            .push_bind(self.limit.fetch());
        statement
    }

    pub(super) fn tier<T: Table>(&self, tier: i32, reading: Reading, limit: i64) -> Statement<'a> {
        let mut statement = QueryBuilder::new("");
        self.push_tier::<T>(&mut statement, tier, reading, limit);
        statement
    }

    /// What of a tier is found among the first rows there are in order.
    pub(super) fn among_first<T: Table>(&self, tier: i32, limit: i64) -> Statement<'a> {
        let (columns, table, generation) = (T::COLUMNS, T::NAME, self.generation);
        let mut statement = QueryBuilder::new(format!(
            "SELECT {columns}, search_key, {tier} AS tier FROM (SELECT {columns}, search_key, search_names, search_words \
             FROM {generation}.{table} WHERE NOT gone"
        ));
        self.push_after(&mut statement, tier);
        statement.push(format!(" ORDER BY search_key, id LIMIT {FIRST_ROWS}) AS first WHERE "));
        self.push_condition(&mut statement, tier);
        self.push_not_before(&mut statement, tier);
        self.push_narrowed(&mut statement);
        statement.push(" ORDER BY search_key, id LIMIT ").push_bind(limit);
        statement
    }

    /// Everything that is found in some tiers, each in its tier, and `candidates`: how many rows were looked at, in each row. Where
    /// that is more than are ranked there is one row without a tier.
    pub(super) fn ranked<T: Table>(&self, tiers: &Range<i32>, from: i32, limit: i64) -> Statement<'a> {
        let (columns, table, generation) = (T::COLUMNS, T::NAME, self.generation);
        let words = match self.has_words(tiers) {
            true => ", search_words",
            false => "",
        };
        let mut statement = QueryBuilder::new(format!(
            "WITH candidate AS MATERIALIZED (SELECT {columns}, search_key, search_names{words} \
             FROM {generation}.{table} WHERE NOT gone AND "
        ));
        self.push_any(&mut statement, tiers, Exactness::WordsOnly);
        self.push_narrowed(&mut statement);
        // A number that the planner knows.
        statement.push(format!(
            " LIMIT {}) SELECT candidates, found.* FROM (SELECT count(*) AS candidates FROM candidate) AS counted \
             LEFT JOIN (SELECT {columns}, search_key, tier FROM (SELECT {columns}, search_key, CASE",
            RANKED_MAX + 1
        ));
        for tier in tiers.clone() {
            statement.push(" WHEN ");
            self.push_condition(&mut statement, tier);
            statement.push(format!(" THEN {tier}"));
        }
        statement.push(format!(
            " END AS tier FROM candidate WHERE (SELECT count(*) FROM candidate) <= {RANKED_MAX}"
        ));
        self.push_not_before(&mut statement, tiers.start);
        statement.push(format!(" OFFSET 0) AS ranked WHERE tier >= {from}"));
        if let Some(RankPlace(tier, key, id)) = self.after.filter(|place| i32::from(place.0) >= tiers.start) {
            statement
                .push(" AND (tier, search_key, id) > (")
                .push_bind(i32::from(*tier));
            statement
                .push(", ")
                .push_bind(&key.0)
                .push(", ")
                .push_bind(&id.0)
                .push(")");
        }
        statement.push(" ORDER BY tier, search_key, id LIMIT ").push_bind(limit);
        statement.push(") AS found ON true ORDER BY tier, search_key, id");
        statement
    }

    fn has_words(&self, tiers: &Range<i32>) -> bool {
        let mut questions = tiers.clone().filter_map(|tier| self.question(tier));
        questions.any(|question| question.column == Column::Words)
    }

    pub(super) fn push_tier<T: Table>(&self, statement: &mut Statement<'a>, tier: i32, reading: Reading, limit: i64) {
        let (columns, table, generation) = (T::COLUMNS, T::NAME, self.generation);
        // The index of keys has the rows of these in their order; those of the others are found, and then put in order.
        let is_by_key = reading == Reading::InOrder || matches!(tier, EXACT | BEGINS);
        statement.push(format!("SELECT {columns}, search_key, {tier} AS tier FROM "));
        if !is_by_key {
            statement.push(format!("(SELECT {columns}, search_key FROM "));
        }
        statement.push(format!("{generation}.{table} WHERE NOT gone"));
        if tier < WORDS || !self.query.words.is_empty() {
            statement.push(" AND ");
            self.push_condition(statement, tier);
            // Hides the condition from the other indexes.
            statement.push(if reading == Reading::InOrder { " IS TRUE" } else { "" });
            self.push_not_before(statement, tier);
        }
        self.push_narrowed(statement);
        self.push_after(statement, tier);
        if !is_by_key {
            // Hides the order from the index of keys, which the planner takes to where it expects to find enough of them soon.
            statement.push(" OFFSET 0) AS looked_up");
        }
        statement.push(" ORDER BY search_key, id LIMIT ").push_bind(limit);
    }

    fn push_after(&self, statement: &mut Statement<'a>, tier: i32) {
        if let Some(RankPlace(_, key, id)) = self.after.filter(|place| i32::from(place.0) == tier) {
            statement.push(" AND (search_key, id) > (").push_bind(&key.0);
            statement.push(", ").push_bind(&id.0).push(")");
        }
    }

    /// The condition of a tier, without what belongs to those before it.
    pub(super) fn push_condition(&self, statement: &mut Statement<'a>, tier: i32) {
        match tier {
            EXACT => {
                statement.push("search_key = ").push_bind(&self.query.key);
            }
            WHOLE => push_question(statement, Column::Names, self.query.whole()),
            BEGINS => {
                let space = if self.query.is_open { "" } else { " " };
                let first = format!("{}{space}", self.query.key);
                statement.push("(search_key < ").push_bind(format!("{first}{LAST}"));
                statement.push(" AND search_key >= ").push_bind(first).push(")");
            }
            ANOTHER_BEGINS => push_question(statement, Column::Names, self.query.beginning()),
            _ => {
                if let Some(question) = self.question(tier) {
                    push_question(statement, question.column, question.text.clone());
                }
            }
        }
    }

    /// Leaves out what belongs to the tiers before one. Every title that begins with what is looked for says so in its names.
    pub(super) fn push_not_before(&self, statement: &mut Statement<'a>, tier: i32) {
        let questions = usize::try_from(tier - WORDS).map_or(&[][..], |nth| &self.query.words[..nth]);
        let of = |column| {
            let texts = questions.iter().filter(move |question| question.column == column);
            texts.map(|question| format!("({})", question.text))
        };
        let mut names: Vec<String> = of(Column::Names).collect();
        match tier {
            EXACT => {}
            WHOLE => {
                statement.push(" AND search_key <> ").push_bind(&self.query.key);
            }
            BEGINS => names.push(self.query.whole()),
            ANOTHER_BEGINS => {
                names.push(self.query.whole());
                statement.push(" AND NOT ");
                self.push_condition(statement, BEGINS);
            }
            _ => names.extend([self.query.whole(), self.query.beginning()]),
        }
        for (column, texts) in [(Column::Names, names), (Column::Words, of(Column::Words).collect())] {
            if !texts.is_empty() {
                statement.push(" AND NOT ");
                push_question(statement, column, texts.join(" | "));
            }
        }
    }

    /// Whatever is found in some tiers: what is loose finds what is strict as well.
    pub(super) fn push_any(&self, statement: &mut Statement<'a>, tiers: &Range<i32>, exactness: Exactness) {
        let mut names = Vec::new();
        let mut words = Vec::new();
        for tier in tiers.clone() {
            if tier == ANOTHER_BEGINS {
                names.push(self.query.beginning());
            }
            match self.question(tier) {
                Some(question) if question.column == Column::Names => {
                    names.truncate(1);
                    names.push(format!("({})", exactness.of(question)));
                }
                Some(question) => words = vec![exactness.of(question)],
                None => {}
            }
        }
        let parts = [(Column::Names, names), (Column::Words, words)];
        let mut separator = "(";
        for (column, texts) in parts.into_iter().filter(|(_, texts)| !texts.is_empty()) {
            statement.push(separator);
            push_question(statement, column, texts.join(" | "));
            separator = " OR ";
        }
        statement.push(")");
    }

    pub(super) fn push_narrowed(&self, statement: &mut Statement<'a>) {
        if let Some(Question { column, text }) = &self.query.excluded {
            statement.push(" AND NOT ");
            push_question(statement, *column, text.clone());
        }
        (self.filter)(statement);
    }
}

fn push_question(statement: &mut Statement<'_>, column: Column, text: String) {
    statement
        .push(format!("({} @@ ", column.name()))
        .push_bind(text)
        .push("::tsquery)");
}
