//! Striking: each fault from its beginning to its end. What services are left with when it returns is mended by the world.

mod between;
mod bus;
mod links;
mod rebuilds;
mod replicas;
mod restore;
mod store;
mod tools;

use std::time::Duration;

use dev_stack::{Outage, Server};
use projections::Name;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use service::BoxError;
use service::database::{DatabaseUrl, connect_options};
use sqlx::{Executor, PgConnection};
use tokio::time::{Instant, sleep};

use super::clients::Clients;
use super::faults::Fault;
use super::known::Known;
use super::member::{Member, Role};
use super::witness::Witness;
use super::world::World;

/// Longer than a relay's lease.
const LONG: Duration = Duration::from_secs(8);
/// How long anything may take that is sure to happen, on a slow machine that does other things, too.
const PATIENCE: Duration = Duration::from_secs(180);
/// Before a server is asked again that did not answer.
const PAUSE: Duration = Duration::from_millis(200);
const POLL: Duration = Duration::from_millis(2);

/// What a strike came to.
#[derive(Debug, Default)]
pub(crate) struct Struck {
    /// What was struck, in words.
    pub(crate) what: String,
    /// What was not as it must be meanwhile.
    pub(crate) findings: Vec<String>,
}

impl<T: Into<String>> From<T> for Struck {
    fn from(what: T) -> Self {
        Self {
            what: what.into(),
            findings: Vec::new(),
        }
    }
}

/// Whoever is at work meanwhile, and has to know what operators do.
pub(crate) struct Around<'a> {
    pub(crate) clients: &'a Clients,
    pub(crate) known: &'a Known,
    pub(crate) witness: &'a Witness,
}

/// Strikes once.
///
/// # Errors
/// What kept the fault from being made, or a server from coming back.
pub(crate) async fn strike(
    fault: Fault,
    world: &mut World,
    around: &Around<'_>,
    rng: &mut ChaCha8Rng,
) -> Result<Struck, BoxError> {
    let api = |role| role == Role::CommandApi;
    let relay = |role| role == Role::EventRelay;
    let projection = |role| matches!(role, Role::Projection(_));
    let short = Duration::from_millis(rng.random_range(500..2_500));
    match fault {
        Fault::KillCommandApi => Ok(kill(any(world, api, rng)).await),
        Fault::KillRelay => Ok(kill(any(world, relay, rng)).await),
        Fault::KillProjection => Ok(kill(any(world, projection, rng)).await),
        Fault::PauseCommandApi => Ok(pause(any(world, api, rng), short).await),
        Fault::PauseRelay => Ok(pause(any(world, relay, rng), LONG).await),
        Fault::PauseProjection => Ok(pause(any(world, projection, rng), short).await),
        Fault::AppendCut => between::append_cut(world, rng).await,
        Fault::AnswerLost => Ok(between::answer_lost(world, rng).await),
        Fault::PublishLost => Ok(between::publish_lost(world, rng).await),
        Fault::CheckpointLost => Ok(between::checkpoint_lost(world, rng).await),
        Fault::CommitLost => between::commit_lost(world, rng).await,
        Fault::AckLost => Ok(between::ack_lost(world, rng).await),
        Fault::LinkCut => Ok(links::cut(world, rng)),
        Fault::LinkFrozen => Ok(links::freeze(world, short, rng).await),
        Fault::LinkHalfOpen => Ok(links::half_open(world, short, rng).await),
        Fault::KillPostgres => {
            world.kill_server(Server::PostgreSql).await;
            back_after(short, world, Server::PostgreSql).await
        }
        Fault::PostgresConnections => store::end_connections(world).await,
        Fault::IdleSessions => store::end_idle_sessions(world, short).await,
        Fault::KillPooler => {
            world.restart_pooler().await?;
            Ok("PgBouncer".into())
        }
        Fault::StopRabbit => {
            world.stop_server(Server::RabbitMq).await;
            back_after(short, world, Server::RabbitMq).await
        }
        Fault::PostgresDiskFull => disk_full(world, Server::PostgreSql, short).await,
        Fault::RabbitDiskFull => disk_full(world, Server::RabbitMq, short).await,
        Fault::KillRabbit => {
            world.kill_server(Server::RabbitMq).await;
            back_after(short, world, Server::RabbitMq).await
        }
        Fault::KillNode => replicas::do_without_node(world, Outage::Killed, short, rng).await,
        Fault::FreezeNode => replicas::do_without_node(world, Outage::Frozen, LONG, rng).await,
        Fault::CutOffNode => replicas::do_without_node(world, Outage::CutOff, LONG, rng).await,
        Fault::KillStandby => replicas::do_without_standby(world, short).await,
        Fault::KillPrimary => replicas::fail_over(world, Outage::Killed, short).await,
        Fault::FreezePrimary => replicas::fail_over(world, Outage::Frozen, LONG).await,
        Fault::RabbitConnections => bus::close_connections(world).await,
        Fault::BothAway => {
            world.kill_server(Server::PostgreSql).await;
            world.kill_server(Server::RabbitMq).await;
            back_after(short, world, Server::PostgreSql).await?;
            world.start_server_again(Server::RabbitMq).await?;
            Ok("both servers".into())
        }
        Fault::QueueDeleted => bus::delete_queue(world, rng).await,
        Fault::BindingsRemoved => bus::remove_bindings(world, rng).await,
        Fault::QueuePurged => bus::purge_queue(world, rng).await,
        Fault::DeliveriesDoubled => bus::deliver_again(world).await,
        Fault::QueueFull => bus::fill_queue(world, short, rng).await,
        Fault::BrokerAlarm => bus::raise_alarm(world, short).await,
        Fault::LongTransaction => store::keep_snapshots(world, LONG).await,
        Fault::RestoreWhilePaused => restore::restore_while_paused(world, around, rng).await,
        Fault::PoisonEvent => store::poison(world, rng).await,
        Fault::Rebuild => rebuilds::rebuild(world, rng).await,
        Fault::Rollback => rebuilds::roll_back(world, rng).await,
        Fault::RebuildKilled => rebuilds::rebuild_killed(world, rng).await,
        Fault::SwitchKilled => rebuilds::switch_killed(world, rng).await,
        Fault::ClockSteps => step_clock(world, short, rng).await,
        Fault::RollingRestart => {
            for member in &world.members {
                member.process.signal("TERM").await;
                sleep(Duration::from_millis(400)).await;
            }
            Ok("all services".into())
        }
    }
}

async fn back_after(pause: Duration, world: &mut World, server: Server) -> Result<Struck, BoxError> {
    sleep(pause).await;
    world.start_server_again(server).await?;
    Ok(server.to_string().into())
}

/// A server whose disk was full may hang, have died, or go on: an operator starts it again.
async fn disk_full(world: &mut World, server: Server, length: Duration) -> Result<Struck, BoxError> {
    let disk = world.disks.iter().find(|(of, _)| *of == server);
    let (_, disk) = disk.ok_or("it has no disk of its own")?;
    disk.fill()?;
    sleep(length).await;
    disk.free()?;
    world.kill_server(server).await;
    world.start_server_again(server).await?;
    Ok(server.to_string().into())
}

async fn step_clock(world: &World, length: Duration, rng: &mut ChaCha8Rng) -> Result<Struck, BoxError> {
    let clocks = world
        .members
        .iter()
        .filter_map(|member| Some((member, member.clock.as_ref()?)));
    let clocks: Vec<_> = clocks.collect();
    let (member, clock) = *clocks.choose(rng).ok_or("no service has a clock of its own")?;
    let seconds = rng.random_range(1..86_400);
    for step in [seconds, -seconds] {
        clock.set(step)?;
        sleep(length).await;
    }
    clock.set(0)?;
    Ok(format!("{}, {seconds} s fast, then slow", member.name).into())
}

async fn kill(member: &Member) -> Struck {
    member.process.signal("KILL").await;
    member.name.as_str().into()
}

async fn pause(member: &Member, length: Duration) -> Struck {
    member.process.signal("STOP").await;
    sleep(length).await;
    member.process.signal("CONT").await;
    member.name.as_str().into()
}

fn any<'a>(world: &'a World, does: impl Fn(Role) -> bool, rng: &mut ChaCha8Rng) -> &'a Member {
    let at = *world.of(does).choose(rng).expect("of every service there are two");
    &world.members[at]
}

fn any_projection(rng: &mut ChaCha8Rng) -> Name {
    *Name::ALL.choose(rng).expect("there are projections")
}

/// The queue of a projection.
fn queue_of(name: Name) -> String {
    format!("{}.v{}", name.as_str(), name.projection().binding_version())
}

async fn connect(url: &DatabaseUrl) -> Result<PgConnection, BoxError> {
    let connecting = patiently(async || {
        let mut connection = connect_options(url, "marquee chaos").connect().await?;
        // Some faults hold something in a transaction until somebody waits for it, however long that takes.
        connection
            .execute("SET idle_in_transaction_session_timeout = 0")
            .await?;
        Ok::<_, sqlx::Error>(connection)
    });
    Ok(connecting.await?)
}

/// Asks a server again that does not do what it is asked for, for it may just be coming back. It is asked only for what may be
/// done twice.
async fn patiently<T, E>(mut ask: impl AsyncFnMut() -> Result<T, E>) -> Result<T, E> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Err(_) if Instant::now() < deadline => sleep(PAUSE).await,
            answered => return answered,
        }
    }
}

/// Asks again until it is so; `false` when it is not for so long.
async fn becomes(patience: Duration, mut is_so: impl AsyncFnMut() -> Result<bool, BoxError>) -> Result<bool, BoxError> {
    let deadline = Instant::now() + patience;
    while !is_so().await? {
        if Instant::now() > deadline {
            return Ok(false);
        }
        sleep(POLL).await;
    }
    Ok(true)
}
