//! An operator puts an older dump of the event store back while a projection is paused, and what was accepted since waits in its
//! queue.
//!
//! States: paused, dumped -> more is accepted, published, and applied by the others -> stopped, restored -> started without
//! `log adopt`: who was ahead is diverged, who was paused goes on without anything of the lost history -> adopted, rebuilt.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use domain::{Envelope, Position};
use event_store::LogReader;
use projections::Name;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use reqwest::Client;
use serde_json::{Value, json};
use service::BoxError;
use sqlx::{Connection, Executor};
use tokio::time::{Instant, sleep};

use super::between::reached;
use super::{Around, PATIENCE, PAUSE, Struck, any_projection, becomes, connect, rebuilds, tools};
use crate::chaos::member::Role;
use crate::chaos::parked;
use crate::chaos::process::program;
use crate::chaos::world::World;
use crate::up::local_client;

/// Events that are lost at least.
const LOST_MIN: i64 = 30;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const DIVERGED: &str = "log_diverged";

/// What a restore has done to the log.
struct Lost {
    /// Where the log ended then.
    kept: Position,
    /// What it has not any more.
    events: Vec<Envelope>,
}

pub(super) async fn restore_while_paused(
    world: &mut World,
    around: &Around<'_>,
    rng: &mut ChaCha8Rng,
) -> Result<Struck, BoxError> {
    let paused = any_projection(rng);
    let mut struck = Struck {
        findings: parked::expect_and_discard(world).await?,
        ..Struck::default()
    };
    until_nothing_is_rebuilt(world).await?;
    operate(world, paused, "pause").await?;
    let (dump, dumped) = dump(world).await?;
    until_others_are_ahead(world, paused, dumped).await?;
    let lost = {
        let _nobody_asks = around.clients.at_rest().await;
        world.stop_services().await;
        let lost = restore(world, &dump).await?;
        forget(world, around, &lost);
        world.start_services();
        lost
    };
    let ahead: Vec<Name> = Name::ALL.into_iter().filter(|name| *name != paused).collect();
    // Either the log is shorter than what waits in the queue, or it has grown beyond that.
    let is_early = rng.random_bool(0.5);
    if is_early {
        operate(world, paused, "resume").await?;
    }
    struck.findings.extend(expect_diverged(world, &ahead).await?);
    if !is_early {
        until_longer(world, &lost).await?;
        operate(world, paused, "resume").await?;
    }
    struck.findings.extend(expect_untouched(world, paused, &lost).await?);
    struck.findings.extend(expect_diverged(world, &ahead).await?);
    let is_stopped = rng.random_bool(0.5);
    adopt(world, is_stopped).await?;
    for name in ahead {
        rebuild(world, name).await?;
    }
    struck.what = format!(
        "{} paused, {} events behind position {} lost; adopted {}",
        paused.as_str(),
        lost.events.len(),
        lost.kept.0,
        if is_stopped {
            "while all was stopped"
        } else {
            "meanwhile"
        }
    );
    Ok(struck)
}

fn log(world: &World) -> LogReader {
    LogReader::new(world.event_store_pool())
}

/// A rebuild would bring a paused read model to where the log ends.
async fn until_nothing_is_rebuilt(world: &World) -> Result<(), BoxError> {
    for name in Name::ALL {
        let mut watching = connect(&world.projection_superuser(name)).await?;
        if !rebuilds::until_nothing_is_rebuilt(&mut watching).await? {
            return Err(format!("a rebuild of {} does not end", name.as_str()).into());
        }
        watching.close().await?;
    }
    Ok(())
}

/// Dumps the event store; gives the file, and a position that it has nothing behind.
async fn dump(world: &World) -> Result<(PathBuf, Position), BoxError> {
    let path = world
        .home()
        .ok_or("the servers are not private ones")?
        .join("event-store.dump");
    let (_, database) = world.server();
    let database = format!("--dbname={database}");
    let output = File::create(&path)?.into();
    tools::run(
        world,
        "pg_dump",
        &["--format=custom", &database],
        (Stdio::null(), output),
    )
    .await?;
    Ok((path, log(world).head().await?.position))
}

/// Waits until more is accepted, and every other read model has some of it.
async fn until_others_are_ahead(world: &World, paused: Name, dumped: Position) -> Result<(), BoxError> {
    let reader = log(world);
    let is_longer = becomes(PATIENCE, async || {
        Ok(reader.head().await?.position.0 >= dumped.0 + LOST_MIN)
    });
    if !is_longer.await? {
        return Err("nothing was accepted after the dump".into());
    }
    for name in Name::ALL.into_iter().filter(|name| *name != paused) {
        let is_ahead = becomes(PATIENCE, async || Ok(reached(world, name).await? > dumped));
        if !is_ahead.await? {
            return Err(format!("{} does not go on after the dump", name.as_str()).into());
        }
    }
    Ok(())
}

/// Puts the dump back, as operations.md says, but for `log adopt`.
async fn restore(world: &World, dump: &Path) -> Result<Lost, BoxError> {
    let before = log(world)
        .read_range(Position(0), log(world).head().await?.position)
        .await?;
    let (server, database) = world.server();
    let mut superuser = connect(&server).await?;
    let drop = format!(r#"DROP DATABASE "{database}" WITH (FORCE)"#);
    superuser.execute(drop.as_str()).await?;
    superuser.close().await?;
    let input = File::open(dump)?.into();
    let restore = ["--create", "--dbname=postgres"];
    tools::run(world, "pg_restore", &restore, (input, Stdio::null())).await?;
    world.migrate().await?;
    let kept = log(world).head().await?.position;
    let events = before.into_iter().filter(|event| event.position > kept).collect();
    Ok(Lost { kept, events })
}

/// From now on nobody is measured by what is lost.
fn forget(world: &mut World, around: &Around<'_>, lost: &Lost) {
    around.known.is_restored_to(lost.kept.0);
    around.clients.begin_anew(around.known.history());
    around.witness.forget(lost.kept.0, &lost.events);
    world.discarded.retain(|poison| poison.position <= lost.kept.0);
}

/// Whoever has read further than the log goes says so, and tells no lag, however long the log is.
async fn expect_diverged(world: &World, ahead: &[Name]) -> Result<Vec<String>, BoxError> {
    let mut findings = Vec::new();
    for name in ahead {
        let mut last = Value::Null;
        let is_told = becomes(PATIENCE, async || {
            last = status(world, *name).await?;
            Ok(last["state"] == DIVERGED && last["lag_events"].is_null())
        });
        if !is_told.await? {
            findings.push(format!(
                "{} was ahead of the restored log, and shows state {} and lag {}",
                name.as_str(),
                last["state"],
                last["lag_events"]
            ));
        }
    }
    Ok(findings)
}

/// Waits until the log is longer than it was; gives where that ended.
async fn until_longer(world: &World, lost: &Lost) -> Result<Position, BoxError> {
    let end = lost.events.last().map_or(lost.kept, |event| event.position);
    let reader = log(world);
    let is_longer = becomes(PATIENCE, async || Ok(reader.head().await?.position > end));
    match is_longer.await? {
        true => Ok(end),
        false => Err("the restored log does not grow".into()),
    }
}

/// Who was not ahead goes on in the new history, also where that is longer than the lost one, and has nothing of that.
async fn expect_untouched(world: &World, paused: Name, lost: &Lost) -> Result<Option<String>, BoxError> {
    let name = paused.as_str();
    let end = until_longer(world, lost).await?;
    let lost: HashSet<_> = lost.events.iter().map(|event| event.event_id).collect();
    let lost: Vec<_> = lost.into_iter().collect();
    let mut watching = connect(&world.projection_superuser(paused)).await?;
    let mut mixed: Vec<i64> = Vec::new();
    let goes_on = becomes(PATIENCE, async || {
        mixed =
            sqlx::query_scalar("SELECT position FROM public.checkpoint WHERE projection = $1 AND event_id = ANY ($2)")
                .bind(name)
                .bind(&lost)
                .fetch_all(&mut watching)
                .await?;
        Ok(!mixed.is_empty() || reached(world, paused).await? > end)
    });
    let goes_on = goes_on.await?;
    watching.close().await?;
    Ok(match (mixed.first(), goes_on) {
        (Some(position), _) => Some(format!(
            "{name} was not ahead of the restored log, and has applied events of the lost history up to position {position}"
        )),
        (None, false) => Some(format!(
            "{name} was not ahead of the restored log, and does not go on in it"
        )),
        (None, true) => None,
    })
}

/// Gives the log a new identity, with everything stopped as the command's help asks for, or while everything runs.
async fn adopt(world: &World, is_stopped: bool) -> Result<(), BoxError> {
    if is_stopped {
        world.stop_services().await;
    }
    let mut command = program(&["log", "adopt", "--yes", "--operator", "chaos"]);
    let (server, _) = world.server();
    command
        .env("MARQUEE_DATABASE_URL", server.expose())
        .stdout(Stdio::null());
    let adopted = tools::finish("log adopt", command).await;
    if is_stopped {
        world.start_services();
    }
    adopted
}

/// Rebuilds a diverged read model, until it has left the lost history.
async fn rebuild(world: &World, name: Name) -> Result<(), BoxError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        operate(world, name, "rebuild").await?;
        until_nothing_is_rebuilt(world).await?;
        let is_found = becomes(REQUEST_TIMEOUT, async || {
            Ok(status(world, name).await?["state"] != DIVERGED)
        });
        if is_found.await? {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("{} is diverged still, after it was rebuilt", name.as_str()).into());
        }
    }
}

/// How a projection is, as the first copy says that answers.
async fn status(world: &World, name: Name) -> Result<Value, BoxError> {
    let path = format!("/projections/{}", name.as_str());
    ask(world, name, |client, url| client.get(format!("{url}{path}"))).await
}

/// Has something done to a projection by the first copy that does it.
async fn operate(world: &World, name: Name, action: &str) -> Result<(), BoxError> {
    let path = format!("/projections/{}/{action}", name.as_str());
    ask(world, name, |client, url| {
        client.post(format!("{url}{path}")).json(&json!({}))
    })
    .await
    .map(drop)
}

async fn ask(
    world: &World,
    name: Name,
    request: impl Fn(&Client, &str) -> reqwest::RequestBuilder,
) -> Result<Value, BoxError> {
    let client = local_client()?;
    let urls = world.urls_of(Role::Projection(name));
    let deadline = Instant::now() + PATIENCE;
    let mut told = "nothing".to_owned();
    for url in urls.iter().cycle() {
        match request(&client, url).timeout(REQUEST_TIMEOUT).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(answer.json().await?),
            Ok(answer) => told = format!("HTTP {}: {}", answer.status().as_u16(), answer.text().await?),
            Err(error) => told = error.without_url().to_string(),
        }
        if Instant::now() > deadline {
            break;
        }
        sleep(PAUSE).await;
    }
    Err(format!("{}: the last answer was {told}", name.as_str()).into())
}
