//! Striking: each fault from its beginning to its end. Whatever is broken when it returns is mended by the world.

use std::time::Duration;

use dev_stack::{CutProxy, Direction, Server};
use projections::Name;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use serde_json::json;
use service::BoxError;
use service::database::connect_options;
use sqlx::{Connection, PgConnection};
use tokio::time::sleep;

use super::faults::Fault;
use super::world::{Role, World};
use crate::up::local_client;

/// Longer than a relay's lease.
const LONG: Duration = Duration::from_secs(8);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const PUBLISH_POLL: Duration = Duration::from_millis(1);
const PUBLISH_PATIENCE: Duration = Duration::from_secs(2);

/// Strikes once; gives what was struck, in words.
///
/// # Errors
/// What kept the fault from being made, or a server from coming back.
pub(crate) async fn strike(fault: Fault, world: &mut World, rng: &mut ChaCha8Rng) -> Result<String, BoxError> {
    let api = |role| role == Role::CommandApi;
    let relay = |role| role == Role::EventRelay;
    let projection = |role| matches!(role, Role::Projection(_));
    let short = Duration::from_millis(rng.random_range(500..2_500));
    match fault {
        Fault::KillCommandApi => kill(world, api, rng).await,
        Fault::KillRelay => kill(world, relay, rng).await,
        Fault::KillProjection => kill(world, projection, rng).await,
        Fault::PauseCommandApi => pause(world, api, short, rng).await,
        Fault::PauseRelay => pause(world, relay, LONG, rng).await,
        Fault::PauseProjection => pause(world, projection, short, rng).await,
        Fault::AnswerLost => {
            unheard_then_killed(
                world,
                api,
                |world, at| &world.members[at].to_postgres,
                Direction::ToClient,
                rng,
            )
            .await
        }
        Fault::CheckpointLost => {
            something_is_published(world).await;
            unheard_then_killed(
                world,
                relay,
                |world, at| &world.members[at].to_postgres,
                Direction::ToServer,
                rng,
            )
            .await
        }
        Fault::AckLost => {
            unheard_then_killed(
                world,
                projection,
                |world, at| &world.members[at].to_rabbit,
                Direction::ToServer,
                rng,
            )
            .await
        }
        Fault::LinkCut => {
            let (name, link) = any_link(world, rng);
            link.cut();
            Ok(name)
        }
        Fault::LinkFrozen => {
            let (name, link) = any_link(world, rng);
            link.freeze(true);
            sleep(short).await;
            link.freeze(false);
            Ok(name)
        }
        Fault::LinkHalfOpen => {
            let (name, link) = any_link(world, rng);
            link.freeze_direction(Direction::ToClient, true);
            sleep(short).await;
            link.freeze_direction(Direction::ToClient, false);
            Ok(name)
        }
        Fault::KillPostgres => {
            world.kill_server(Server::PostgreSql).await;
            back_after(short, world, Server::PostgreSql).await
        }
        Fault::PostgresConnections => end_connections(world).await,
        Fault::StopRabbit => {
            world.stop_server(Server::RabbitMq).await;
            back_after(short, world, Server::RabbitMq).await
        }
        Fault::KillRabbit => {
            world.kill_server(Server::RabbitMq).await;
            back_after(short, world, Server::RabbitMq).await
        }
        Fault::RabbitConnections => close_connections(world).await,
        Fault::BothAway => {
            world.kill_server(Server::PostgreSql).await;
            world.kill_server(Server::RabbitMq).await;
            sleep(short).await;
            world.start_server_again(Server::PostgreSql).await?;
            world.start_server_again(Server::RabbitMq).await?;
            Ok("postgres and rabbitmq".to_owned())
        }
        Fault::QueueDeleted => {
            let queue = any_queue(rng);
            world.management().delete(&["queues", world.vhost(), &queue]).await?;
            Ok(queue)
        }
        Fault::BindingsRemoved => remove_bindings(world, rng).await,
        Fault::QueuePurged => {
            let queue = any_queue(rng);
            let contents = ["queues", world.vhost(), &queue, "contents"];
            world.management().delete(&contents).await?;
            Ok(queue)
        }
        Fault::LongTransaction => {
            let mut connection = superuser(world).await?;
            let mut tx = connection.begin().await?;
            sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                .execute(&mut *tx)
                .await?;
            sqlx::query("SELECT txid_current(), count(*) FROM events")
                .execute(&mut *tx)
                .await?;
            sleep(LONG).await;
            tx.rollback().await?;
            Ok("event store".to_owned())
        }
        Fault::Rebuild => {
            let (name, at) = any_projection(world, rng);
            rebuild(world, name, at).await?;
            Ok(name.as_str().to_owned())
        }
        Fault::RebuildKilled => {
            let (name, at) = any_projection(world, rng);
            rebuild(world, name, at).await?;
            sleep(Duration::from_millis(rng.random_range(0..400))).await;
            world.members[at].process.signal("KILL").await;
            Ok(world.members[at].name.clone())
        }
        Fault::RollingRestart => {
            for member in &world.members {
                member.process.signal("TERM").await;
                sleep(Duration::from_millis(400)).await;
            }
            Ok("all services".to_owned())
        }
    }
}

async fn back_after(pause: Duration, world: &mut World, server: Server) -> Result<String, BoxError> {
    sleep(pause).await;
    world.start_server_again(server).await?;
    Ok(server.to_string())
}

fn any(world: &World, does: impl Fn(Role) -> bool, rng: &mut ChaCha8Rng) -> usize {
    *world.of(does).choose(rng).expect("of every service there are two")
}

async fn kill(world: &World, does: impl Fn(Role) -> bool, rng: &mut ChaCha8Rng) -> Result<String, BoxError> {
    let member = &world.members[any(world, does, rng)];
    member.process.signal("KILL").await;
    Ok(member.name.clone())
}

async fn pause(
    world: &World,
    does: impl Fn(Role) -> bool,
    length: Duration,
    rng: &mut ChaCha8Rng,
) -> Result<String, BoxError> {
    let member = &world.members[any(world, does, rng)];
    member.process.signal("STOP").await;
    sleep(length).await;
    member.process.signal("CONT").await;
    Ok(member.name.clone())
}

/// Between two lines: what goes one way is held, so that one side has done its part and the other does not know; then the
/// service is killed, and what was held is lost with its connections.
async fn unheard_then_killed(
    world: &World,
    does: impl Fn(Role) -> bool + Copy,
    link: impl Fn(&World, usize) -> &CutProxy,
    direction: Direction,
    rng: &mut ChaCha8Rng,
) -> Result<String, BoxError> {
    // Of two copies one may be idle: both are struck.
    let members = world.of(does);
    let role = world.members[*members.choose(rng).expect("of every service there are two")].role;
    let struck = world.of(|other| other == role);
    for &at in &struck {
        link(world, at).freeze_direction(direction, true);
    }
    sleep(Duration::from_millis(rng.random_range(100..600))).await;
    for &at in &struck {
        world.members[at].process.signal("KILL").await;
        link(world, at).cut();
        link(world, at).freeze_direction(direction, false);
    }
    let names: Vec<&str> = struck.iter().map(|&at| world.members[at].name.as_str()).collect();
    Ok(names.join(" and "))
}

/// Waits until a relay sends something to the broker: its confirm is on the way then, and the checkpoint is not yet moved.
async fn something_is_published(world: &World) {
    let relays = world.of(|role| role == Role::EventRelay);
    let sent = || -> u64 {
        let links = relays.iter().map(|&at| &world.members[at].to_rabbit);
        links.map(|link| link.forwarded_bytes(Direction::ToServer)).sum()
    };
    let before = sent();
    let waiting = async {
        while sent() == before {
            sleep(PUBLISH_POLL).await;
        }
    };
    // Where nothing is published, there is nothing to be lost.
    let _: Result<(), tokio::time::error::Elapsed> = tokio::time::timeout(PUBLISH_PATIENCE, waiting).await;
}

fn any_link<'a>(world: &'a World, rng: &mut ChaCha8Rng) -> (String, &'a CutProxy) {
    let member = world.members.choose(rng).expect("there are services");
    // A command API has no link to the broker.
    if member.role == Role::CommandApi || rng.random_bool(0.5) {
        (format!("{} to postgres", member.name), &member.to_postgres)
    } else {
        (format!("{} to rabbitmq", member.name), &member.to_rabbit)
    }
}

fn any_queue(rng: &mut ChaCha8Rng) -> String {
    let name = Name::ALL.choose(rng).expect("there are projections");
    format!("{}.v{}", name.as_str(), name.projection().binding_version())
}

fn any_projection(world: &World, rng: &mut ChaCha8Rng) -> (Name, usize) {
    let name = *Name::ALL.choose(rng).expect("there are projections");
    let copies = world.of(|role| role == Role::Projection(name));
    (name, *copies.choose(rng).expect("of every service there are two"))
}

async fn superuser(world: &World) -> Result<PgConnection, BoxError> {
    Ok(connect_options(&world.superuser(), "marquee chaos").connect().await?)
}

async fn end_connections(world: &World) -> Result<String, BoxError> {
    let mut connection = superuser(world).await?;
    let ended: i64 = sqlx::query_scalar(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename LIKE 'marquee\\_%' \
         AND usename <> current_user",
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    Ok(format!("{ended} connections"))
}

async fn close_connections(world: &World) -> Result<String, BoxError> {
    let connections = world.management().list(&["connections"]).await?;
    let names = connections.iter().filter_map(|one| one["name"].as_str());
    let mut closed = 0;
    for name in names {
        world.management().delete(&["connections", name]).await?;
        closed += 1;
    }
    Ok(format!("{closed} connections"))
}

async fn remove_bindings(world: &World, rng: &mut ChaCha8Rng) -> Result<String, BoxError> {
    let queue = any_queue(rng);
    let bindings = world
        .management()
        .list(&["queues", world.vhost(), &queue, "bindings"])
        .await?;
    for binding in bindings {
        let (Some(exchange), Some(key)) = (binding["source"].as_str(), binding["properties_key"].as_str()) else {
            continue;
        };
        // The default exchange's binding cannot be removed.
        if !exchange.is_empty() {
            let path = ["bindings", world.vhost(), "e", exchange, "q", &queue, key];
            world.management().delete(&path).await?;
        }
    }
    Ok(queue)
}

/// One that is under way already, or whose process is just away, is no fault of the fault's.
async fn rebuild(world: &World, name: Name, at: usize) -> Result<(), BoxError> {
    let url = format!("{}/projections/{}/rebuild", world.members[at].url, name.as_str());
    let asked = local_client()?.post(url).timeout(REQUEST_TIMEOUT).json(&json!({}));
    let _: Result<reqwest::Response, reqwest::Error> = asked.send().await;
    Ok(())
}
