//! One relay publishes at a time; when it dies, hangs or stops, another goes on.

use std::sync::mpsc;
use std::time::Duration;

use dev_stack::CutProxy;
use event_relay::{RelayConfig, Role};

use crate::scene::{NEVER, Running, Scene, eventually, quick};

async fn leader_and_standby(scene: &Scene) -> (Running, Running) {
    let mut first = scene.relay();
    first.until(|status| status.role == Role::Leader).await;
    let mut second = scene.relay();
    second.until(|status| status.role == Role::Standby).await;
    assert_eq!(first.status().role, Role::Leader);
    assert!(second.status().health().is_ok());
    (first, second)
}

#[tokio::test]
async fn when_the_leader_dies_the_standby_goes_on_where_it_was() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    let (first, mut second) = leader_and_standby(&scene).await;
    scene.record(1, 200).await;
    listener.until(200).await;
    let epoch = first.status().epoch.expect("a leader has an epoch");
    first.crash().await;
    scene.record(201, 300).await;
    listener.until(300).await;
    let status = second.until(|status| status.role == Role::Leader).await;
    assert_eq!(status.epoch, Some(epoch + 1));
    second.stop().await;
}

#[tokio::test]
async fn a_leader_told_to_stop_hands_over_without_waiting_for_the_expiry() {
    let scene = Scene::create().await;
    let config = RelayConfig {
        lease_ttl: NEVER,
        ..quick()
    };
    let mut first = scene.relay_with(config.clone());
    first.until(|status| status.role == Role::Leader).await;
    let mut second = scene.relay_with(config);
    second.until(|status| status.role == Role::Standby).await;
    first.stop().await;
    second.until(|status| status.role == Role::Leader).await;
    second.stop().await;
}

#[tokio::test]
async fn a_relay_without_a_broker_never_leads() {
    let scene = Scene::create().await;
    let (proxy, url) = CutProxy::to_url(&scene.vhost.amqp_url()).await.expect("a proxy");
    proxy.refuse(true);
    let mut cut_off = scene.relay_by_way_of(quick(), &url);
    cut_off.until(|status| status.last_error.is_some()).await;
    let mut other = scene.relay();
    other.until(|status| status.role == Role::Leader).await;
    assert_eq!(cut_off.status().role, Role::Starting);
    cut_off.stop().await;
    other.stop().await;
}

/// The lease is renewed by the publishing loop itself: a thread that hangs takes it along.
#[tokio::test]
async fn a_leader_that_hangs_loses_the_lease_and_steps_back_when_it_wakes_up() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    let (hang, hung) = tokio::sync::oneshot::channel::<()>();
    let (wake_up, woken_up) = mpsc::channel::<()>();
    let (told, mut status) = tokio::sync::watch::channel(Role::Starting);
    let url = scene.database.url_as("marquee_event_relay", "test");
    let amqp_url = scene.vhost.amqp_url();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut relay = Running::start(quick(), crate::scene::relay_pool(&url), &amqp_url);
            relay.until(|status| status.role == Role::Leader).await;
            told.send_replace(Role::Leader);
            let _ = hung.await;
            // The runtime has this thread only.
            let _ = woken_up.recv();
            relay.until(|status| status.role == Role::Standby).await;
            told.send_replace(Role::Standby);
            relay.stop().await;
        });
    });
    status.wait_for(|role| *role == Role::Leader).await.expect("it leads");
    hang.send(()).expect("it waits for this");
    let mut second = scene.relay();
    second.until(|status| status.role == Role::Leader).await;
    scene.record(1, 100).await;
    listener.until(100).await;
    wake_up.send(()).expect("it waits for this");
    status
        .wait_for(|role| *role == Role::Standby)
        .await
        .expect("it steps back");
    thread.join().expect("ends well");
    second.stop().await;
}

#[tokio::test]
async fn at_no_time_are_there_two_leaders() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    let short = RelayConfig {
        lease_ttl: Duration::from_millis(400),
        ..quick()
    };
    let mut relays: Vec<Running> = (0..3).map(|_| scene.relay_with(short.clone())).collect();
    for round in 0..3 {
        scene.record(round * 50 + 1, round * 50 + 50).await;
        listener.until(round * 50 + 50).await;
        eventually("one of them leads", || async {
            relays.iter().any(|relay| relay.status().role == Role::Leader)
        })
        .await;
        let leaders: Vec<usize> = (0..relays.len())
            .filter(|&number| relays[number].status().role == Role::Leader)
            .collect();
        assert_eq!(leaders.len(), 1);
        relays.remove(leaders[0]).crash().await;
    }
}
