//! Rebuilds and rollbacks meanwhile, and those that die.

use std::time::Duration;

use projections::Name;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use reqwest::StatusCode;
use serde_json::{Value, json};
use service::BoxError;
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep};

use super::{PATIENCE, Struck, any, any_projection, becomes, connect, kill};
use crate::chaos::member::{Member, Role};
use crate::chaos::world::World;
use crate::up::local_client;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a rebuild is begun to be killed in its switch: one may have ended before it is waited for.
const SWITCHES_MAX: u32 = 5;
/// How often a rebuild is begun to have something to go back to: with poison in the log none succeeds.
const REBUILDS_MAX: u32 = 3;
/// How long the record of a rebuild may be held, less than a service's own patience for locks.
const RECORD_HELD_MAX: Duration = Duration::from_millis(1_500);
/// How long it is free in between.
const RECORD_FREE: Duration = Duration::from_millis(20);
const ASK_PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn rebuild(world: &World, rng: &mut ChaCha8Rng) -> Result<Struck, BoxError> {
    let (name, member) = any_copy(world, rng);
    ask(member, name, "rebuild").await
}

/// Rebuilds first where there is nothing to go back to.
pub(super) async fn roll_back(world: &World, rng: &mut ChaCha8Rng) -> Result<Struck, BoxError> {
    let (name, member) = any_copy(world, rng);
    let mut connection = connect(&world.projection_superuser(name)).await?;
    for _ in 0..REBUILDS_MAX {
        let retired = sqlx::query_scalar("SELECT EXISTS (SELECT FROM public.generation WHERE state = 'retired')");
        if retired.fetch_one(&mut connection).await? {
            break;
        }
        ask(member, name, "rebuild").await?;
        until_nothing_is_rebuilt(&mut connection).await?;
    }
    connection.close().await?;
    ask(member, name, "rollback").await
}

/// Waits until no rebuild runs; `false` when one goes on for too long.
pub(super) async fn until_nothing_is_rebuilt(read_model: &mut PgConnection) -> Result<bool, BoxError> {
    becomes(PATIENCE, async || {
        let is_idle = sqlx::query_scalar("SELECT NOT EXISTS (SELECT FROM public.rebuild WHERE running)");
        Ok(is_idle.fetch_one(&mut *read_model).await?)
    })
    .await
}

pub(super) async fn rebuild_killed(world: &World, rng: &mut ChaCha8Rng) -> Result<Struck, BoxError> {
    let (name, member) = any_copy(world, rng);
    ask(member, name, "rebuild").await?;
    sleep(Duration::from_millis(rng.random_range(0..400))).await;
    Ok(kill(member).await)
}

/// Holds the operation's record, which is written near the end of the switch's transaction: when the worker waits for it,
/// the new generation is switched in and nothing is committed.
pub(super) async fn switch_killed(world: &World, rng: &mut ChaCha8Rng) -> Result<Struck, BoxError> {
    let (name, member) = any_copy(world, rng);
    let mut connection = connect(&world.projection_superuser(name)).await?;
    let mut watching = connect(&world.projection_superuser(name)).await?;
    let mut begun = 0;
    loop {
        begun += 1;
        let Struck { what, .. } = ask(member, name, "rebuild").await?;
        let is_switching = hold_the_switch(&mut connection, &mut watching, name).await?;
        if is_switching || begun == SWITCHES_MAX {
            member.process.signal("KILL").await;
            connection.execute("ROLLBACK").await?;
            let when = if is_switching { "in the switch" } else { "after it" };
            return Ok(format!("{}, killed {when}; {what}", member.name).into());
        }
        connection.execute("ROLLBACK").await?;
    }
}

/// Holds the record again and again, in a transaction that is left open, until the worker of a rebuild waits for it; `false`
/// when the rebuild has ended before. In between whoever writes down how far the rebuild is can do so.
async fn hold_the_switch(
    connection: &mut PgConnection,
    watching: &mut PgConnection,
    name: Name,
) -> Result<bool, BoxError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        connection.execute("BEGIN").await?;
        sqlx::query("SELECT FROM public.rebuild WHERE projection = $1 FOR UPDATE")
            .bind(name.as_str())
            .execute(&mut *connection)
            .await?;
        let (mut waits, mut has_ended) = (false, false);
        becomes(RECORD_HELD_MAX, async || {
            (waits, has_ended) = sqlx::query_as(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
                 AND application_name LIKE 'marquee-rebuild%' AND application_name <> 'marquee-rebuild-keeper' \
                 AND wait_event_type = 'Lock'), \
                 NOT EXISTS (SELECT FROM public.rebuild WHERE running)",
            )
            .fetch_one(&mut *watching)
            .await?;
            Ok(waits || has_ended)
        })
        .await?;
        if waits || has_ended || Instant::now() > deadline {
            return Ok(waits);
        }
        connection.execute("ROLLBACK").await?;
        sleep(RECORD_FREE).await;
    }
}

fn any_copy<'a>(world: &'a World, rng: &mut ChaCha8Rng) -> (Name, &'a Member) {
    let name = any_projection(rng);
    (name, any(world, |role| role == Role::Projection(name), rng))
}

/// Asks for an operation, again if the process is just away or another one runs. A rollback is refused where poison in the log
/// has kept a rebuild from making a generation to leave: that is no fault of the fault's.
async fn ask(member: &Member, name: Name, operation: &str) -> Result<Struck, BoxError> {
    let url = format!("{}/projections/{}/{operation}", member.url, name.as_str());
    let client = local_client()?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let asked = client.post(&url).timeout(REQUEST_TIMEOUT).json(&json!({}));
        let (told, is_final) = match asked.send().await {
            Ok(answer) if answer.status() == StatusCode::ACCEPTED => {
                return Ok(format!("{} begun", name.as_str()).into());
            }
            Ok(answer) => {
                let status = answer.status().as_u16();
                let problem: Value = answer.json().await.unwrap_or_default();
                let code = problem["code"].as_str().unwrap_or_default();
                let told = format!("{} refused, HTTP {status} {code}", name.as_str());
                (told, matches!(code, "NO_RETIRED_GENERATION" | "VERSION_MISMATCH"))
            }
            Err(_) => (format!("{} not answered", name.as_str()), false),
        };
        if is_final || Instant::now() > deadline {
            return Ok(told.into());
        }
        sleep(ASK_PAUSE).await;
    }
}
