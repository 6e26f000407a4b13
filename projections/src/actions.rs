//! What operators did to a projection, recorded in the transaction that did it.

mod routes;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;

use crate::Limit;
use crate::operator::Operator;
pub(crate) use routes::{PageParameters, router};

/// What an operator can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Pause,
    Resume,
    Rebuild,
    Rollback,
    Cancel,
    Retry,
    Discard,
}

impl Action {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Rebuild => "rebuild",
            Self::Rollback => "rollback",
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Discard => "discard",
        }
    }
}

/// Records an action in the caller's transaction: who did it, why if that was said, and to what if not to the projection
/// as a whole. No personal data: a stream is named by its id.
pub(crate) async fn record(
    tx: &mut PgConnection,
    projection: &str,
    action: Action,
    operator: &Operator,
    why: Option<&str>,
    subject: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO public.operator_action (projection, at, action, who, why, subject) \
         VALUES ($1, clock_timestamp(), $2, $3, $4, $5)",
    )
    .bind(projection)
    .bind(action.as_str())
    .bind(&operator.0)
    .bind(why)
    .bind(subject)
    .execute(tx)
    .await
    .map(drop)
}

/// What an operator did.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct OperatorAction {
    /// When.
    at: DateTime<Utc>,
    /// What: `pause`, `resume`, `rebuild`, `rollback`, `cancel`, `retry` or `discard`.
    #[schema(example = "discard")]
    action: String,
    /// Who, as the request told; `anonymous` when it did not.
    #[schema(example = "ada")]
    who: String,
    /// Why, if that was said.
    why: Option<String>,
    /// To what, if not to the projection as a whole.
    #[schema(example = "movie/4711 at position 12")]
    subject: Option<String>,
}

#[derive(FromRow)]
struct Columns {
    id: i64,
    at: DateTime<Utc>,
    action: String,
    who: String,
    why: Option<String>,
    subject: Option<String>,
}

impl From<Columns> for OperatorAction {
    fn from(columns: Columns) -> Self {
        Self {
            at: columns.at,
            action: columns.action,
            who: columns.who,
            why: columns.why,
            subject: columns.subject,
        }
    }
}

/// Reads actions, newest first, from before `before` on; one more than a page shows.
async fn list(
    connection: &mut PgConnection,
    projection: &str,
    before: Option<i64>,
    limit: Limit,
) -> Result<Vec<Columns>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, at, action, who, why, subject FROM public.operator_action \
         WHERE projection = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
    )
    .bind(projection)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit.fetch())
    .fetch_all(connection)
    .await
}
