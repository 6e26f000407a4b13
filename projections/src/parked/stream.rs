//! Parked streams, as operators see them: all SQL that reads and removes parked events of one stream.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::parked::Reason;
use crate::{Generation, Limit};

/// Most events that are shown behind the first of a stream.
const LATER_MAX: i64 = 1_000;

/// A stream whose events are parked: the first of them, and how many wait behind it.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
#[schema(as = ParkedStream)]
pub(crate) struct Listed {
    /// Kind of stream.
    #[schema(example = "movie")]
    pub(super) aggregate_type: String,
    /// Which stream of its kind.
    pub(super) aggregate_id: String,
    /// Position of the first parked event, by which the stream is named.
    pub(super) position: i64,
    /// Place of the event in its stream.
    sequence: i64,
    /// Identity of the event.
    event_id: Uuid,
    /// Type of the event.
    #[schema(example = "movie.published")]
    event_type: String,
    /// Version of the event's type.
    event_version: String,
    /// Why it is parked: `malformed`, `rule`, `data`, or `behind_parked` when it has not been tried yet.
    #[schema(example = "malformed")]
    reason: String,
    /// More of that.
    detail: String,
    /// When it was parked.
    parked_at: DateTime<Utc>,
    /// How many events of the stream wait behind it.
    behind: i64,
}

/// A parked event behind the first of its stream.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub(crate) struct LaterEvent {
    /// Where it is in the log.
    position: i64,
    /// Place of the event in its stream.
    sequence: i64,
    /// Identity of the event.
    event_id: Uuid,
    /// Type of the event.
    event_type: String,
    /// Why it is parked.
    reason: String,
    /// More of that.
    detail: String,
}

/// A stream: type and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) aggregate_type: String,
    pub(super) aggregate_id: String,
}

/// A parked event that is about to be tried.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(super) struct Parked {
    pub(super) position: i64,
    pub(super) event_id: Uuid,
    pub(super) sequence: i64,
    /// Whether an operator has discarded it.
    pub(super) discarded: bool,
}

/// The first parked event of each stream after a position, one more than a page shows.
pub(super) async fn list(
    connection: &mut PgConnection,
    generation: &Generation,
    after: i64,
    limit: Limit,
) -> Result<Vec<Listed>, sqlx::Error> {
    let statement = listed(generation, "p.position > $1 ORDER BY p.position LIMIT $2");
    sqlx::query_as(&statement)
        .bind(after)
        .bind(limit.fetch())
        .fetch_all(connection)
        .await
}

/// The stream whose first parked event is at a position.
pub(super) async fn find(
    connection: &mut PgConnection,
    generation: &Generation,
    position: i64,
) -> Result<Option<Listed>, sqlx::Error> {
    let statement = listed(generation, "p.position = $1");
    sqlx::query_as(&statement)
        .bind(position)
        .fetch_optional(connection)
        .await
}

fn listed(generation: &Generation, which: &str) -> String {
    format!(
        "SELECT p.aggregate_type, p.aggregate_id, p.position, p.sequence, p.event_id, p.event_type, p.event_version,
                p.reason, p.detail, p.parked_at,
                (SELECT count(*) FROM {generation}.parked_events b WHERE b.aggregate_type = p.aggregate_type
                 AND b.aggregate_id = p.aggregate_id AND b.position > p.position) AS behind
         FROM {generation}.parked_events p
         WHERE NOT EXISTS (SELECT 1 FROM {generation}.parked_events e WHERE e.aggregate_type = p.aggregate_type
               AND e.aggregate_id = p.aggregate_id AND e.position < p.position)
           AND {which}"
    )
}

/// The first parked event of the stream that has a parked event at this position.
pub(super) async fn first_before(
    connection: &mut PgConnection,
    generation: &Generation,
    position: i64,
) -> Result<Option<i64>, sqlx::Error> {
    let statement = format!(
        "SELECT (SELECT min(e.position) FROM {generation}.parked_events e WHERE e.aggregate_type = p.aggregate_type \
         AND e.aggregate_id = p.aggregate_id) FROM {generation}.parked_events p WHERE p.position = $1"
    );
    sqlx::query_scalar(&statement)
        .bind(position)
        .fetch_optional(connection)
        .await
}

/// What waits behind the first parked event of a stream, the first thousand.
pub(super) async fn later(
    connection: &mut PgConnection,
    generation: &Generation,
    first: &Listed,
) -> Result<Vec<LaterEvent>, sqlx::Error> {
    let statement = format!(
        "SELECT position, sequence, event_id, event_type, reason, detail FROM {generation}.parked_events \
         WHERE aggregate_type = $1 AND aggregate_id = $2 AND position > $3 ORDER BY position LIMIT {LATER_MAX}"
    );
    sqlx::query_as(&statement)
        .bind(&first.aggregate_type)
        .bind(&first.aggregate_id)
        .bind(first.position)
        .fetch_all(connection)
        .await
}

/// The first parked events of a stream, in order.
pub(super) async fn head(
    connection: &mut PgConnection,
    projection: &str,
    generation: &Generation,
    stream: &Stream,
    limit: i64,
) -> Result<Vec<Parked>, sqlx::Error> {
    let statement = format!(
        "SELECT p.position, p.event_id, p.sequence, d.event_id IS NOT NULL AS discarded \
         FROM {generation}.parked_events p \
         LEFT JOIN public.discarded_event d ON d.projection = $1 AND d.event_id = p.event_id \
         WHERE p.aggregate_type = $2 AND p.aggregate_id = $3 ORDER BY p.position LIMIT $4"
    );
    sqlx::query_as(&statement)
        .bind(projection)
        .bind(&stream.aggregate_type)
        .bind(&stream.aggregate_id)
        .bind(limit)
        .fetch_all(connection)
        .await
}

/// Notes for ever that the event at a position, or everything parked of its stream, is passed over.
pub(super) async fn discard(
    tx: &mut PgConnection,
    projection: &str,
    generation: &Generation,
    stream: &Stream,
    (position, all): (i64, bool),
    (by, reason): (&str, &str),
) -> Result<(), sqlx::Error> {
    let statement = format!(
        "INSERT INTO public.discarded_event (projection, event_id, position, aggregate_type, aggregate_id, sequence, \
         event_type, discarded_at, discarded_by, reason) \
         SELECT $1, event_id, position, aggregate_type, aggregate_id, sequence, event_type, clock_timestamp(), $6, $7 \
         FROM {generation}.parked_events WHERE aggregate_type = $2 AND aggregate_id = $3 AND (position = $4 OR $5) \
         ON CONFLICT (projection, event_id) DO NOTHING"
    );
    sqlx::query(&statement)
        .bind(projection)
        .bind(&stream.aggregate_type)
        .bind(&stream.aggregate_id)
        .bind(position)
        .bind(all)
        .bind(by)
        .bind(reason)
        .execute(tx)
        .await
        .map(drop)
}

/// Removes the parked events of a stream up to a position, and counts those that are left.
pub(super) async fn remove_through(
    tx: &mut PgConnection,
    generation: &Generation,
    stream: &Stream,
    position: i64,
) -> Result<i64, sqlx::Error> {
    let of_stream = "aggregate_type = $1 AND aggregate_id = $2";
    let delete = format!("DELETE FROM {generation}.parked_events WHERE {of_stream} AND position <= $3");
    sqlx::query(&delete)
        .bind(&stream.aggregate_type)
        .bind(&stream.aggregate_id)
        .bind(position)
        .execute(&mut *tx)
        .await?;
    let count = format!("SELECT count(*) FROM {generation}.parked_events WHERE {of_stream}");
    sqlx::query_scalar(&count)
        .bind(&stream.aggregate_type)
        .bind(&stream.aggregate_id)
        .fetch_one(tx)
        .await
}

/// Gives a parked event the reason for which it failed this time.
pub(super) async fn failed_again(
    tx: &mut PgConnection,
    generation: &Generation,
    position: i64,
    reason: &Reason,
) -> Result<(), sqlx::Error> {
    let statement = format!("UPDATE {generation}.parked_events SET reason = $2, detail = $3 WHERE position = $1");
    sqlx::query(&statement)
        .bind(position)
        .bind(reason.code())
        .bind(reason.detail())
        .execute(tx)
        .await
        .map(drop)
}
