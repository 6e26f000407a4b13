//! What the database tells of a projection besides its live generation.

use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;

/// The generation that a rollback would switch to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RetiredGeneration {
    /// Its number.
    pub number: i64,
    /// Version of the code that made it.
    pub version: i32,
    /// Everything up to here is applied to it.
    pub position: i64,
}

/// The last rebuild or rollback, in short.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RebuildSummary {
    /// `rebuild`, `rollback` or `build`.
    pub kind: String,
    /// `running`, or how it ended: `succeeded`, `failed`, `cancelled` or `interrupted`.
    pub state: String,
    /// What it is doing, while it runs.
    #[schema(required = true)]
    pub phase: Option<String>,
    /// How much of it is done.
    #[schema(required = true)]
    pub percent: Option<f64>,
}

/// The retired generation, and the last operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Elsewhere {
    pub(super) retired_generation: Option<RetiredGeneration>,
    pub(super) rebuild: Option<RebuildSummary>,
}

#[derive(sqlx::FromRow)]
struct Columns {
    number: Option<i64>,
    version: Option<i32>,
    position: Option<i64>,
    report: Option<Value>,
}

/// Reads what there is.
pub(super) async fn load(connection: &mut PgConnection, projection: &str) -> Result<Elsewhere, sqlx::Error> {
    let columns: Columns = sqlx::query_as(
        "SELECT g.number, g.version, g.position, r.report
         FROM (SELECT $1::text AS name) p
         LEFT JOIN public.generation g ON g.projection = p.name AND g.state = 'retired'
         LEFT JOIN public.rebuild r ON r.projection = p.name
         ORDER BY g.number DESC LIMIT 1",
    )
    .bind(projection)
    .fetch_one(connection)
    .await?;
    let retired = columns.number.zip(columns.version).zip(columns.position);
    Ok(Elsewhere {
        retired_generation: retired.map(|((number, version), position)| RetiredGeneration {
            number,
            version,
            position,
        }),
        rebuild: columns.report.as_ref().and_then(summary),
    })
}

/// The head of a report, which other code than this may have written.
fn summary(report: &Value) -> Option<RebuildSummary> {
    let text = |key: &str| report[key].as_str().map(str::to_owned);
    Some(RebuildSummary {
        kind: text("kind")?,
        state: text("state")?,
        phase: text("phase"),
        percent: report["percent"].as_f64(),
    })
}
