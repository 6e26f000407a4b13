//! Rebuilds and rollbacks meanwhile, and those that die.

use std::time::Duration;

use projections::Name;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use serde_json::json;
use service::BoxError;
use sqlx::Connection;
use tokio::time::{Instant, sleep};

use super::{PATIENCE, Struck, any, any_projection, becomes, connect, kill};
use crate::chaos::member::{Member, Role};
use crate::chaos::world::World;
use crate::up::local_client;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const ASK_PATIENCE: Duration = Duration::from_secs(5);
const ASK_PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn rebuild(world: &World, rng: &mut ChaCha8Rng) -> Result<Struck, BoxError> {
    let (name, member) = any_copy(world, rng);
    ask(member, name, "rebuild").await
}

/// Rebuilds first where there is nothing to go back to.
pub(super) async fn roll_back(world: &World, rng: &mut ChaCha8Rng) -> Result<Struck, BoxError> {
    let (name, member) = any_copy(world, rng);
    let mut connection = connect(&world.projection_superuser(name)).await?;
    let retired = sqlx::query_scalar("SELECT EXISTS (SELECT FROM public.generation WHERE state = 'retired')");
    let is_retired: bool = retired.fetch_one(&mut connection).await?;
    if !is_retired {
        ask(member, name, "rebuild").await?;
        becomes(PATIENCE, async || {
            let running = sqlx::query_scalar("SELECT NOT EXISTS (SELECT FROM public.rebuild WHERE running)");
            Ok(running.fetch_one(&mut connection).await?)
        })
        .await?;
    }
    connection.close().await?;
    ask(member, name, "rollback").await
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
    let Struck { what, .. } = ask(member, name, "rebuild").await?;
    let mut tx = connection.begin().await?;
    sqlx::query("SELECT FROM public.rebuild WHERE projection = $1 FOR UPDATE")
        .bind(name.as_str())
        .execute(&mut *tx)
        .await?;
    let is_switching = becomes(PATIENCE / 4, async || {
        let waits = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
             AND application_name LIKE 'marquee-rebuild%' AND application_name <> 'marquee-rebuild-keeper' \
             AND wait_event_type = 'Lock')",
        );
        Ok(waits.fetch_one(&mut watching).await?)
    });
    let is_switching = is_switching.await?;
    member.process.signal("KILL").await;
    tx.rollback().await?;
    let when = if is_switching { "in the switch" } else { "after it" };
    Ok(format!("{}, killed {when}; {what}", member.name).into())
}

fn any_copy<'a>(world: &'a World, rng: &mut ChaCha8Rng) -> (Name, &'a Member) {
    let name = any_projection(rng);
    (name, any(world, |role| role == Role::Projection(name), rng))
}

/// Asks for an operation, again if the process is just away or another one runs. With poison in the log it is refused, or
/// fails: that is no fault of the fault's.
async fn ask(member: &Member, name: Name, operation: &str) -> Result<Struck, BoxError> {
    let url = format!("{}/projections/{}/{operation}", member.url, name.as_str());
    let client = local_client()?;
    let deadline = Instant::now() + ASK_PATIENCE;
    loop {
        let asked = client.post(&url).timeout(REQUEST_TIMEOUT).json(&json!({}));
        let told = match asked.send().await.map(|answer| answer.status().as_u16()) {
            Ok(202) => return Ok(format!("{} begun", name.as_str()).into()),
            Ok(status) => format!("{} refused, HTTP {status}", name.as_str()),
            Err(_) => format!("{} not answered", name.as_str()),
        };
        if Instant::now() > deadline {
            return Ok(told.into());
        }
        sleep(ASK_PAUSE).await;
    }
}
