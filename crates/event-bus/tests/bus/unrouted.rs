//! The queue of what nobody asked for is never in the way of what is published.

use dev_stack::{Outage, PrivateRabbitCluster, TestVhost};
use event_bus::{BusError, Publisher, UNROUTED_EXCHANGE, UNROUTED_POLICY, declare_topology};
use tokio::time::{Instant, sleep};

use crate::event::{PATIENCE, event, url};

const POLL_INTERVAL: std::time::Duration = std::time::Duration::from_millis(100);

async fn publisher(amqp_url: &str) -> Publisher {
    Publisher::open(&url(amqp_url), "test").await.expect("a publisher")
}

async fn publish(publisher: &mut Publisher, position: i64) -> Result<(), BusError> {
    publisher.publish(&event(position, "user.created")).await?.await
}

async fn eventually(what: &str, patience: u32, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE * patience;
    while !is_so().await {
        assert!(Instant::now() < deadline, "never: {what}");
        sleep(POLL_INTERVAL).await;
    }
}

#[tokio::test]
async fn a_vhost_that_allows_no_more_queues_is_published_to_and_gets_the_queue_when_it_does() {
    let vhost = TestVhost::create().await;
    vhost.limit_queues(0).await;
    declare_topology(&url(&vhost.amqp_url()), "test")
        .await
        .expect("a topology without the queue");
    let mut publisher = publisher(&vhost.amqp_url()).await;
    publish(&mut publisher, 1).await.expect("confirmed");
    assert_eq!(vhost.queue(UNROUTED_EXCHANGE).await, None);

    vhost.limit_queues(10).await;
    eventually("the queue is there and bound", 2, async || {
        vhost.queue(UNROUTED_EXCHANGE).await.is_some() && !vhost.bindings(UNROUTED_EXCHANGE).await.is_empty()
    })
    .await;
    assert!(publisher.is_open());
    publish(&mut publisher, 2).await.expect("confirmed");
    publisher.close().await;
}

#[tokio::test]
async fn a_queue_of_that_name_with_other_properties_is_no_reason_to_stand_still() {
    let vhost = TestVhost::create().await;
    vhost.declare_queue(UNROUTED_EXCHANGE).await;
    let mut publisher = publisher(&vhost.amqp_url()).await;
    publish(&mut publisher, 1).await.expect("confirmed");
    publisher.close().await;
}

#[tokio::test]
async fn while_its_node_is_away_the_queue_is_unbound_and_when_it_is_back_bound_again() {
    let cluster = PrivateRabbitCluster::start().await;
    // A node that is gone is given up by its clients after twice as long.
    let amqp_url = format!("{}?heartbeat=2", cluster.amqp_url());
    declare_topology(&url(&amqp_url), "test").await.expect("a topology");
    cluster.set_policy(UNROUTED_POLICY.name, UNROUTED_POLICY.body).await;
    let home = cluster.home(0, UNROUTED_EXCHANGE).await.expect("the queue has a node");
    let other = (home + 1) % 3;

    cluster.take_away(home, Outage::Killed).await;
    // Whoever is connected to the node, and who publishes while the others do not yet know that it is gone, begins again; as the
    // relay does.
    let mut kept = None;
    eventually("events are confirmed without the node", 3, async || {
        let Ok(mut publisher) = Publisher::open(&url(&amqp_url), "test").await else {
            return false;
        };
        let is_confirmed = publish(&mut publisher, 1).await.is_ok();
        let is_away = cluster.bound_to(other, UNROUTED_EXCHANGE).await == Some(0);
        kept = Some(publisher);
        is_confirmed && is_away
    })
    .await;
    let mut publisher = kept.expect("a publisher");
    publish(&mut publisher, 2).await.expect("confirmed");

    cluster.bring_back(home, Outage::Killed).await;
    eventually("the queue is bound again", 3, async || {
        cluster.bound_to(other, UNROUTED_EXCHANGE).await == Some(1)
    })
    .await;
    publish(&mut publisher, 3).await.expect("confirmed");
    publisher.close().await;
}
