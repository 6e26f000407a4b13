//! Between two lines: what goes one way is held back, so that one side has done its part and the other does not know; then the
//! service is killed, and what was held is lost with its connections.

use std::collections::BTreeSet;
use std::time::Duration;

use dev_stack::Direction;
use domain::{Envelope, Position};
use event_bus::{Message, QueueSpec, Subscriber, is_bound};
use event_store::{LogReader, RelayState};
use projections::{Inspector, Name};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use service::BoxError;
use sqlx::{Connection, PgConnection};
use tokio::time::{sleep, timeout};

use super::{PATIENCE, POLL, Struck, any, any_projection, becomes, connect, patiently, queue_of};
use crate::chaos::link::Link;
use crate::chaos::member::{Member, Role};
use crate::chaos::world::World;

/// How long something may take to be under way: clients that wait for a server that was away come back in their own time.
const SOON: Duration = Duration::from_secs(60);
/// How long an append may wait for its lock, less than a service's own patience for locks.
const APPEND_HELD_MAX: Duration = Duration::from_millis(2_000);
/// More than a queue holds in a run.
const PREFETCH: u16 = 10_000;

/// Holds the lock under which positions are given until an append waits for it, then cuts its connection: the first copy is
/// still on its way when the command API goes on, which it does before the lock is given back.
pub(super) async fn append_cut(world: &World, rng: &mut ChaCha8Rng) -> Result<Struck, BoxError> {
    let mut connection = connect(&world.superuser()).await?;
    let mut watching = connect(&world.superuser()).await?;
    let mut tx = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock(1)").execute(&mut *tx).await?;
    let mut first = Vec::new();
    becomes(SOON, async || {
        first = waiting_appends(&mut watching).await?;
        Ok(!first.is_empty())
    })
    .await?;
    for at in world.of(|role| role == Role::CommandApi) {
        world.members[at].to_postgres.cut();
    }
    becomes(APPEND_HELD_MAX, async || {
        let appends = waiting_appends(&mut watching).await?;
        Ok(appends.iter().filter(|pid| !first.contains(pid)).count() >= first.len())
    })
    .await?;
    sleep(Duration::from_millis(rng.random_range(0..300))).await;
    tx.rollback().await?;
    Ok(match first.is_empty() {
        true => "nothing was on its way",
        false => "both command APIs",
    }
    .into())
}

/// The sessions of command APIs that wait for the lock.
async fn waiting_appends(watching: &mut PgConnection) -> Result<Vec<i32>, BoxError> {
    let waiting = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
         AND usename = 'marquee_command_api' AND wait_event_type = 'Lock'",
    );
    Ok(waiting.fetch_all(watching).await?)
}

/// After the append, before the answer.
pub(super) async fn answer_lost(world: &World, rng: &mut ChaCha8Rng) -> Struck {
    let held = Duration::from_millis(rng.random_range(100..600));
    unheard_then_killed(world, Role::CommandApi, to_postgres, Direction::ToClient, held).await
}

/// Before the confirm.
pub(super) async fn publish_lost(world: &World, rng: &mut ChaCha8Rng) -> Struck {
    // Long enough for a checkpoint to be saved, if there were one to save.
    let held = Duration::from_millis(rng.random_range(600..1_200));
    unheard_then_killed(world, Role::EventRelay, to_rabbit, Direction::ToServer, held).await
}

/// After the confirm, before the checkpoint.
pub(super) async fn checkpoint_lost(world: &World, rng: &mut ChaCha8Rng) -> Struck {
    something_is_published(world).await;
    let held = Duration::from_millis(rng.random_range(100..600));
    unheard_then_killed(world, Role::EventRelay, to_postgres, Direction::ToServer, held).await
}

/// After the commit, before the ack.
pub(super) async fn ack_lost(world: &World, rng: &mut ChaCha8Rng) -> Struck {
    let role = any(world, |role| matches!(role, Role::Projection(_)), rng).role;
    let held = Duration::from_millis(rng.random_range(100..600));
    unheard_then_killed(world, role, to_rabbit, Direction::ToServer, held).await
}

/// Before the commit. Whatever was published and is not committed then must be in the queue: it was not acknowledged.
pub(super) async fn commit_lost(world: &World, rng: &mut ChaCha8Rng) -> Result<Struck, BoxError> {
    let name = any_projection(rng);
    let role = Role::Projection(name);
    let pool = world.event_store_pool();
    let (relay, log) = (RelayState::new(pool.clone()), LogReader::new(pool));
    // What an earlier fault took from the queue is healed by then.
    let published = relay.checkpoint().await?.position;
    let healed = becomes(PATIENCE, async || Ok(reached(world, name).await? >= published));
    let is_healed = healed.await?;
    let copies: Vec<&Member> = world
        .of(|other| other == role)
        .into_iter()
        .map(|at| &world.members[at])
        .collect();
    for member in &copies {
        member.process.hold(true);
        member.to_postgres.freeze_direction(Direction::ToServer, true);
    }
    sleep(Duration::from_millis(rng.random_range(300..900))).await;
    for member in &copies {
        member.process.signal("KILL").await;
        member.to_postgres.cut();
        member.to_rabbit.cut();
        member.to_postgres.freeze_direction(Direction::ToServer, false);
    }
    let looked = async {
        let committed = committed(world, name).await?;
        let published = relay.checkpoint().await?.position;
        let events = log.read_range(committed, published).await?;
        let missing = missing_of(world, name, &events, published).await?;
        Ok((events.len(), missing))
    };
    let looked: Result<_, BoxError> = if is_healed { looked.await } else { Ok((0, Vec::new())) };
    for member in &copies {
        member.process.hold(false);
    }
    let (events, missing) = looked?;
    let mut struck = Struck::from(format!("{}, before {events} events", name.as_str()));
    if !missing.is_empty() {
        struck.findings.push(format!(
            "{} died before it had committed positions {missing:?}, and its queue did not hold them any more",
            name.as_str()
        ));
    }
    Ok(struck)
}

fn to_postgres(member: &Member) -> &Link {
    &member.to_postgres
}

fn to_rabbit(member: &Member) -> &Link {
    &member.to_rabbit
}

async fn unheard_then_killed(
    world: &World,
    role: Role,
    link: fn(&Member) -> &Link,
    direction: Direction,
    held: Duration,
) -> Struck {
    // Of two copies one may be idle: both are struck.
    let struck: Vec<&Member> = world
        .of(|other| other == role)
        .into_iter()
        .map(|at| &world.members[at])
        .collect();
    for member in &struck {
        link(member).freeze_direction(direction, true);
    }
    sleep(held).await;
    for member in &struck {
        member.process.signal("KILL").await;
        link(member).cut();
        link(member).freeze_direction(direction, false);
    }
    let names: Vec<&str> = struck.iter().map(|member| member.name.as_str()).collect();
    names.join(" and ").into()
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
            sleep(POLL).await;
        }
    };
    // Where nothing is published, there is nothing to be lost.
    let _: Result<(), tokio::time::error::Elapsed> = timeout(SOON, waiting).await;
}

pub(super) async fn reached(world: &World, name: Name) -> Result<Position, BoxError> {
    let mut inspector = Inspector::open(name.as_str(), &world.projection_database(name)).await?;
    let reached = inspector.reached().await?;
    inspector.close().await;
    Ok(reached.map_or(Position(0), |reached| reached.position))
}

/// Where the read model is once nobody is left who could commit.
async fn committed(world: &World, name: Name) -> Result<Position, BoxError> {
    let mut watching = connect(&world.projection_superuser(name)).await?;
    becomes(PATIENCE, async || {
        let gone = sqlx::query_scalar(
            "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
             AND pid <> pg_backend_pid() AND backend_type = 'client backend')",
        );
        Ok(gone.fetch_one(&mut watching).await?)
    })
    .await?;
    watching.close().await?;
    reached(world, name).await
}

/// Takes what a projection's queue holds up to a position, gives it back, and names the events that were not among it.
async fn missing_of(world: &World, name: Name, events: &[Envelope], to: Position) -> Result<Vec<i64>, BoxError> {
    let projection = name.projection();
    let bindings = projection.bindings();
    let bound = |event: &&Envelope| is_bound(bindings, &event.aggregate_type, &event.event_type);
    let mut missing: BTreeSet<i64> = events.iter().filter(bound).map(|event| event.position.0).collect();
    let queue = QueueSpec {
        name: queue_of(name),
        bindings: bindings.to_vec(),
        prefetch: PREFETCH,
    };
    let opening = patiently(async || Subscriber::open(world.amqp_url(), &queue, "marquee chaos").await);
    let mut subscriber = opening.await?;
    while !missing.is_empty() {
        let Ok(delivery) = timeout(PATIENCE, subscriber.next()).await else {
            break;
        };
        match delivery?.message {
            Message::Event(event) => {
                missing.remove(&event.position.0);
            }
            // Its events stand before it.
            Message::Watermark(watermark) if watermark.to >= to => break,
            Message::Watermark(_) | Message::Foreign { .. } => {}
        }
    }
    // Nothing is acknowledged: it goes back to its place.
    subscriber.close().await;
    Ok(missing.into_iter().collect())
}
