//! The databases: their connections, their snapshots, and an event that nobody can apply.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use service::BoxError;
use service::database::DatabaseUrl;
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep};

use super::{Struck, any_projection, connect};
use crate::chaos::parked;
use crate::chaos::world::{Poison, World};
use projections::Name;

/// How often idle sessions are looked for.
const IDLE_LOOK_INTERVAL: Duration = Duration::from_millis(100);

pub(super) async fn end_connections(world: &World) -> Result<Struck, BoxError> {
    let mut connection = connect(&world.superuser()).await?;
    let ended: i64 = sqlx::query_scalar(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename LIKE 'marquee\\_%' \
         AND usename <> current_user",
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    Ok(format!("{ended} connections").into())
}

/// Ends sessions that wait for the next request, and none that works on one.
pub(super) async fn end_idle_sessions(world: &World, length: Duration) -> Result<Struck, BoxError> {
    let mut connection = connect(&world.superuser()).await?;
    let until = Instant::now() + length;
    let mut ended: i64 = 0;
    while Instant::now() < until {
        ended += sqlx::query_scalar::<_, i64>(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename LIKE 'marquee\\_%' \
             AND usename <> current_user AND state = 'idle' AND state_change < clock_timestamp() - interval '50 ms'",
        )
        .fetch_one(&mut connection)
        .await?;
        sleep(IDLE_LOOK_INTERVAL).await;
    }
    connection.close().await?;
    Ok(format!("{ended} sessions").into())
}

/// Holds a snapshot in each database while traffic goes on: what was updated or deleted since can be removed in none.
pub(super) async fn keep_snapshots(world: &World, length: Duration) -> Result<Struck, BoxError> {
    let mut holders = vec![snapshot(&world.superuser(), "events").await?];
    for name in Name::ALL {
        holders.push(snapshot(&world.projection_superuser(name), "public.projection").await?);
    }
    sleep(length).await;
    let databases = holders.len();
    for mut holder in holders {
        holder.execute("ROLLBACK").await?;
        holder.close().await?;
    }
    Ok(format!("{databases} databases").into())
}

async fn snapshot(url: &DatabaseUrl, table: &str) -> Result<PgConnection, BoxError> {
    let mut holder = connect(url).await?;
    let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current(), count(*) FROM {table}");
    holder.execute(begin.as_str()).await?;
    Ok(holder)
}

/// Appends an event whose payload lacks everything, in a stream of its own. By chance an operator discards it at once;
/// otherwise it stays parked until the audit.
pub(super) async fn poison(world: &mut World, rng: &mut ChaCha8Rng) -> Result<Struck, BoxError> {
    let (aggregate_type, event_type) = match any_projection(rng) {
        Name::Users => ("user", "user.created"),
        Name::Movies => ("movie", "movie.announced"),
        Name::Catalog => ("cinema", "cinema.opened"),
    };
    let aggregate_id = format!("poison-{}", world.poisons.len() + world.discarded.len() + 1);
    let mut connection = connect(&world.superuser()).await?;
    let mut tx = connection.begin().await?;
    // As the append function: positions are given under its lock.
    sqlx::query("SELECT pg_advisory_xact_lock(1)").execute(&mut *tx).await?;
    let position = sqlx::query_scalar(
        "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_id, event_type, event_version, \
                             payload, metadata) \
         SELECT coalesce(max(position), 0) + 1, $1, $2, 1, gen_random_uuid(), $3, '1', \
                jsonb_build_object('type', $3), '{}' \
         FROM events RETURNING position",
    )
    .bind(aggregate_type)
    .bind(&aggregate_id)
    .bind(event_type)
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    connection.close().await?;
    world.poisons.push(Poison {
        aggregate_type,
        aggregate_id,
        event_type,
        position,
    });
    let mut struck = Struck::from(format!("{event_type} at position {position}"));
    if rng.random_bool(0.5) {
        struck.findings = parked::expect_and_discard(world).await?;
        struck.what.push_str(", discarded");
    }
    Ok(struck)
}
