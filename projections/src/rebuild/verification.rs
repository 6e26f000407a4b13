//! Whether a generation holds what the log says, and in what it differs from another one.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Differences that are listed; more are only counted.
pub(crate) const DIFFERENCES_MAX: i64 = 100;

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Verification {
    /// Everything was compared as it is at this position.
    pub position: i64,
    /// The new generation's tables.
    pub tables: Vec<TableContent>,
    /// Streams that were counted in the log and found in the tables with as many events.
    pub streams_checked: i64,
    /// The live generation that it was compared with.
    pub compared_with: Option<i64>,
    /// Why it was not compared with the live one.
    pub not_compared_because: Option<String>,
    /// In how many values the two differ.
    pub differences_total: i64,
    /// The first of them, at most 100.
    pub differences: Vec<Difference>,
    /// Columns that only the new generation has: `table.column`, or `table.*`.
    pub columns_added: Vec<String>,
    /// Columns that only the live generation has.
    pub columns_removed: Vec<String>,
}

/// What a table holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TableContent {
    /// Its name.
    pub table: String,
    /// How many rows.
    pub rows: i64,
    /// A hash of the rows in the columns that both generations have, whatever their order.
    pub content_hash: String,
}

/// A value in which two generations differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::FromRow)]
pub struct Difference {
    /// The table.
    pub table: String,
    /// The row's key.
    pub key: String,
    /// The column; `*` is the whole row, which one of the two does not have.
    pub column: String,
    /// The value in the live generation; null when there is none.
    pub old: Option<String>,
    /// The value in the new generation; null when there is none.
    pub new: Option<String>,
}
