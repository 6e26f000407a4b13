//! A blocked connection is a state, not a failure.

use dev_stack::TestVhost;
use event_bus::Publisher;
use tokio::time::timeout;

use crate::blocking_proxy::BlockingProxy;
use crate::event::{PATIENCE, event, url};

#[tokio::test]
async fn a_blocked_connection_shows_and_its_messages_go_out_when_it_is_unblocked() {
    let vhost = TestVhost::create().await;
    let proxy = BlockingProxy::to_url(&vhost.amqp_url()).await;
    let mut publisher = Publisher::open(&url(proxy.url()), "test").await.expect("a publisher");
    let mut blocked = publisher.blocked();
    assert!(!*blocked.borrow());

    proxy.block(true);
    timeout(PATIENCE, blocked.wait_for(|blocked| *blocked))
        .await
        .expect("shown in time")
        .expect("still followed");
    // Publishing does not wait, though nothing is written.
    let mut confirms = Vec::new();
    for position in 1..=100 {
        confirms.push(
            publisher
                .publish(&event(position, "user.created"))
                .await
                .expect("taken"),
        );
    }
    assert!(publisher.is_open());

    proxy.block(false);
    timeout(PATIENCE, blocked.wait_for(|blocked| !*blocked))
        .await
        .expect("shown in time")
        .expect("still followed");
    for confirm in confirms {
        timeout(PATIENCE, confirm)
            .await
            .expect("answered in time")
            .expect("confirmed");
    }
    publisher.close().await;
}
