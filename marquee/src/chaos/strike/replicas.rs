//! Servers that stand in for each other, and do without one of them.

use std::time::Duration;

use dev_stack::{Outage, Server};
use event_relay::CONNECTION_NAME;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use serde_json::Value;
use service::BoxError;

use super::{Struck, any_projection, patiently, queue_of};
use crate::chaos::world::World;

const PRIMARY: usize = 0;
const STANDBY: usize = 1;

pub(super) async fn do_without_node(
    world: &mut World,
    how: Outage,
    length: Duration,
    rng: &mut ChaCha8Rng,
) -> Result<Struck, BoxError> {
    let mut nodes: Vec<String> = named(
        &patiently(async || world.management().list(&["nodes"]).await).await?,
        "name",
    );
    nodes.sort();
    let (what, wanted) = if rng.random_bool(0.5) {
        let queue = queue_of(any_projection(rng));
        let queues = patiently(async || world.management().list(&["queues", world.vhost()]).await).await?;
        let found: Vec<Value> = queues.into_iter().filter(|one| one["name"] == *queue).collect();
        (format!("leads {queue}"), named(&found, "leader"))
    } else {
        let connections = patiently(async || world.management().list(&["connections"]).await).await?;
        let of_relay = |one: &Value| one["user_provided_name"] == CONNECTION_NAME;
        let found: Vec<Value> = connections.into_iter().filter(of_relay).collect();
        ("serves a relay".to_owned(), named(&found, "node"))
    };
    let place = wanted
        .first()
        .and_then(|node| nodes.iter().position(|name| name == node));
    // Right after a fault nobody may lead, or serve a relay.
    let (number, what) = match place {
        Some(number) => (number, what),
        None => (rng.random_range(0..nodes.len().max(1)), "any one".to_owned()),
    };
    world.do_without((Server::RabbitMq, number), how, length).await?;
    Ok(format!("node {number}, {what}").into())
}

pub(super) async fn do_without_standby(world: &mut World, length: Duration) -> Result<Struck, BoxError> {
    world
        .do_without((Server::PostgreSql, STANDBY), Outage::Killed, length)
        .await?;
    Ok("the standby".into())
}

/// What was the primary begins anew as a standby.
pub(super) async fn fail_over(world: &mut World, how: Outage, length: Duration) -> Result<Struck, BoxError> {
    world.do_without((Server::PostgreSql, PRIMARY), how, length).await?;
    Ok("the standby took over".into())
}

fn named(list: &[Value], key: &str) -> Vec<String> {
    list.iter()
        .filter_map(|one| one[key].as_str().map(str::to_owned))
        .collect()
}
