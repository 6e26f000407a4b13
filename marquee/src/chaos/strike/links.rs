//! Links between a service and its server.

use std::time::Duration;

use dev_stack::Direction;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use tokio::time::sleep;

use super::Struck;
use crate::chaos::link::Link;
use crate::chaos::member::Role;
use crate::chaos::world::World;

pub(super) fn cut(world: &World, rng: &mut ChaCha8Rng) -> Struck {
    let (name, link) = any(world, rng);
    link.cut();
    name.into()
}

pub(super) async fn freeze(world: &World, length: Duration, rng: &mut ChaCha8Rng) -> Struck {
    let (name, link) = any(world, rng);
    link.freeze(true);
    sleep(length).await;
    link.freeze(false);
    name.into()
}

pub(super) async fn half_open(world: &World, length: Duration, rng: &mut ChaCha8Rng) -> Struck {
    let (name, link) = any(world, rng);
    link.freeze_direction(Direction::ToClient, true);
    sleep(length).await;
    link.freeze_direction(Direction::ToClient, false);
    name.into()
}

fn any<'a>(world: &'a World, rng: &mut ChaCha8Rng) -> (String, &'a Link) {
    let member = world.members.choose(rng).expect("there are services");
    // A command API has no link to the broker.
    if member.role == Role::CommandApi || rng.random_bool(0.5) {
        (format!("{} to postgres", member.name), &member.to_postgres)
    } else {
        (format!("{} to rabbitmq", member.name), &member.to_rabbit)
    }
}
