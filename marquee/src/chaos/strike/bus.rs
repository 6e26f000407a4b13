//! The broker: its connections, queues, bindings, and what it does to messages.

use std::process::Stdio;
use std::time::Duration;

use domain::Position;
use event_bus::{Publisher, WATERMARK_EXCHANGE};
use event_store::{LogReader, RelayState};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use serde_json::json;
use service::BoxError;
use tokio::time::{sleep, timeout};

use super::{PATIENCE, Struck, any_projection, patiently, queue_of, tools};
use crate::chaos::member::Role;
use crate::chaos::world::{FULL_POLICY, World};

/// Events that are delivered once more.
const AGAIN_MAX: i64 = 200;

pub(super) async fn close_connections(world: &World) -> Result<Struck, BoxError> {
    let connections = patiently(async || world.management().list(&["connections"]).await).await?;
    let names = connections.iter().filter_map(|one| one["name"].as_str());
    let mut closed = 0;
    for name in names {
        patiently(async || world.management().delete(&["connections", name]).await).await?;
        closed += 1;
    }
    Ok(format!("{closed} connections").into())
}

pub(super) async fn delete_queue(world: &World, rng: &mut ChaCha8Rng) -> Result<Struck, BoxError> {
    let queue = queue_of(any_projection(rng));
    patiently(async || world.management().delete(&["queues", world.vhost(), &queue]).await).await?;
    Ok(queue.into())
}

/// Both copies of the projection are away meanwhile, or there would be next to nothing in its queue.
pub(super) async fn purge_queue(world: &World, rng: &mut ChaCha8Rng) -> Result<Struck, BoxError> {
    let name = any_projection(rng);
    let queue = queue_of(name);
    let copies = world.of(|role| role == Role::Projection(name));
    for &at in &copies {
        world.members[at].process.hold(true);
        world.members[at].process.signal("KILL").await;
    }
    sleep(Duration::from_millis(rng.random_range(300..900))).await;
    let contents = ["queues", world.vhost(), &queue, "contents"];
    let purged = patiently(async || world.management().delete(&contents).await).await;
    for &at in &copies {
        world.members[at].process.hold(false);
    }
    purged?;
    Ok(queue.into())
}

pub(super) async fn remove_bindings(world: &World, rng: &mut ChaCha8Rng) -> Result<Struck, BoxError> {
    let queue = queue_of(any_projection(rng));
    let of_queue = ["queues", world.vhost(), &queue, "bindings"];
    let bindings = patiently(async || world.management().list(&of_queue).await).await?;
    for binding in bindings {
        let (Some(exchange), Some(key)) = (binding["source"].as_str(), binding["properties_key"].as_str()) else {
            continue;
        };
        // The default exchange's binding cannot be removed. Ranges go on being closed, or the loss would be plain to see.
        if !exchange.is_empty() && exchange != WATERMARK_EXCHANGE {
            let path = ["bindings", world.vhost(), "e", exchange, "q", &queue, key];
            patiently(async || world.management().delete(&path).await).await?;
        }
    }
    Ok(queue.into())
}

/// Publishes once more what the relay has published last: to the consumers it is as if the broker had delivered it twice.
pub(super) async fn deliver_again(world: &World) -> Result<Struck, BoxError> {
    let pool = world.event_store_pool();
    let last = RelayState::new(pool.clone()).checkpoint().await?.position;
    let first = Position((last.0 - AGAIN_MAX).max(0));
    let events = LogReader::new(pool).read_range(first, last).await?;
    let opening = patiently(async || Publisher::open(world.amqp_url(), "marquee chaos").await);
    let mut publisher = opening.await?;
    let mut confirms = Vec::with_capacity(events.len());
    for event in &events {
        confirms.push(publisher.publish(event).await?);
    }
    for confirm in confirms {
        timeout(PATIENCE, confirm).await??;
    }
    publisher.close().await;
    Ok(format!("{} events", events.len()).into())
}

pub(super) async fn fill_queue(world: &World, length: Duration, rng: &mut ChaCha8Rng) -> Result<Struck, BoxError> {
    let queue = queue_of(any_projection(rng));
    let policy = ["policies", world.vhost(), FULL_POLICY];
    let full = json!({
        "pattern": format!("^{}$", queue.replace('.', "\\.")),
        "apply-to": "queues",
        "definition": {"max-length": 1, "overflow": "reject-publish"},
    });
    patiently(async || world.management().put(&policy, &full).await).await?;
    sleep(length).await;
    patiently(async || world.management().delete(&policy).await).await?;
    Ok(queue.into())
}

/// Lowers the memory that the broker may use below what it uses.
pub(super) async fn raise_alarm(world: &World, length: Duration) -> Result<Struck, BoxError> {
    set_memory(world, "1MB").await?;
    sleep(length).await;
    set_memory(world, "1GB").await?;
    Ok("publishers are blocked".into())
}

async fn set_memory(world: &World, bytes: &str) -> Result<(), BoxError> {
    let arguments = ["set_vm_memory_high_watermark", "absolute", bytes];
    tools::run(world, "rabbitmqctl", &arguments, (Stdio::null(), Stdio::null())).await
}
