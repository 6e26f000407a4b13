//! Relay and consumer on a cluster of three nodes, any one of which may fail.

use dev_stack::{Outage, PrivateRabbitCluster};
use event_relay::CONNECTION_NAME;

use crate::QUEUE;
use crate::process::{Process, args, eventually};
use crate::recorder::Recorder;
use crate::stack::Stack;

const NODES: usize = 3;
const MEMBERS: usize = 3;

/// A cluster with a relay and two consumers on it, all of which know all nodes. No range is closed without a watermark, and
/// nobody stands in for the relay: it has to find another node.
struct Scene {
    cluster: PrivateRabbitCluster,
    stack: Stack,
    _processes: [Process; 3],
}

impl Scene {
    async fn start() -> Self {
        let (cluster, stack) = tokio::join!(PrivateRabbitCluster::start(), Stack::start());
        // A node that is frozen is given up by its clients after twice as long.
        let url = format!("{}?heartbeat=2", cluster.amqp_url());
        let serve = || stack.serve_through(&url, Recorder::default(), args());
        let first = serve().await;
        first.reach_state("waiting").await;
        let second = serve().await;
        second.reach_state("waiting").await;
        let relay = stack.serve_relay_through(&url).await;
        let scene = Self {
            _processes: [first, second, relay],
            cluster,
            stack,
        };
        scene.expect_arrival().await;
        scene
    }

    /// What is appended now arrives through the broker, in order and once.
    async fn expect_arrival(&self) {
        let head = self.stack.append_many(20).await;
        self.stack.expect_equal_to_log(head).await;
    }

    async fn leader(&self, asked: usize) -> usize {
        eventually("a leader of the queue", async || {
            self.cluster.leader(asked, QUEUE).await
        })
        .await
    }

    /// The node that a client is connected to.
    async fn node_of(&self, asked: usize, client: &str) -> usize {
        let what = format!("a connection of {client}");
        eventually(&what, async || self.cluster.node_of_connection(asked, client).await).await
    }

    /// Waits until all members of the queue are there: only then another node may be taken away.
    async fn reach_all_members(&self, asked: usize) {
        eventually("all members of the queue", async || {
            (self.cluster.members_online(asked, QUEUE).await == MEMBERS).then_some(())
        })
        .await;
    }

    /// Takes a node away for a while; everything arrives meanwhile, and afterwards.
    async fn do_without(&self, node: usize, how: Outage) {
        self.cluster.take_away(node, how).await;
        self.expect_arrival().await;
        self.cluster.bring_back(node, how).await;
        self.expect_arrival().await;
        self.reach_all_members((node + 1) % NODES).await;
        self.expect_arrival().await;
    }
}

#[tokio::test]
async fn a_cluster_loses_each_of_its_nodes_in_turn_and_everything_arrives_once_and_in_order() {
    let scene = Scene::start().await;
    scene.reach_all_members(0).await;
    let leader = scene.leader(0).await;
    scene.do_without(leader, Outage::Killed).await;
    let connected = scene.node_of(leader, CONNECTION_NAME).await;
    let mut others: Vec<usize> = (0..NODES).filter(|node| *node != leader).collect();
    others.sort_by_key(|node| *node != connected);
    for node in others {
        scene.do_without(node, Outage::Killed).await;
    }
}

async fn takes_both_away(how: Outage) {
    let scene = Scene::start().await;
    scene.reach_all_members(0).await;
    let leader = scene.leader(0).await;
    scene.do_without(leader, how).await;
    let connected = scene.node_of((leader + 1) % NODES, CONNECTION_NAME).await;
    scene.do_without(connected, how).await;
}

#[tokio::test]
async fn a_node_that_hangs_is_done_without_and_does_no_harm_when_it_wakes_up() {
    takes_both_away(Outage::Frozen).await;
}

#[tokio::test]
async fn a_node_that_is_cut_off_from_the_others_is_left_and_does_no_harm_when_it_is_back() {
    takes_both_away(Outage::CutOff).await;
}
