//! Watermarks close every range of the log, with what the log holds of it, and chain.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_bus::{KeyTotal, Watermark};
use event_relay::RelayConfig;

use crate::scene::{Scene, quick};

async fn totals(scene: &Scene, mark: &Watermark) -> (BTreeMap<String, KeyTotal>, Option<DateTime<Utc>>) {
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT event_type, count(*), sum(position)::bigint FROM events WHERE position > $1 AND position <= $2 GROUP BY 1",
    )
    .bind(mark.from.0)
    .bind(mark.to.0)
    .fetch_all(scene.admin())
    .await
    .expect("the log");
    let recorded_at = sqlx::query_scalar("SELECT recorded_at FROM events WHERE position = $1")
        .bind(mark.to.0)
        .fetch_optional(scene.admin())
        .await
        .expect("the log");
    (
        rows.into_iter()
            .map(|(key, count, sum)| (key, KeyTotal { count, sum }))
            .collect(),
        recorded_at,
    )
}

async fn assert_true(scene: &Scene, marks: &[Watermark]) {
    for mark in marks {
        assert!(mark.to.0 - mark.from.0 <= 200, "{mark:?} spans too much");
        assert_eq!(
            (mark.keys.clone(), mark.recorded_at),
            totals(scene, mark).await,
            "{mark:?}"
        );
    }
}

#[tokio::test]
async fn watermarks_tell_what_the_log_holds_and_chain_over_restarts() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    for round in 0..3 {
        let relay = scene.relay();
        scene.record(round * 450 + 1, round * 450 + 450).await;
        listener.until(round * 450 + 450).await;
        relay.stop().await;
    }
    assert_true(&scene, &listener.watermarks).await;
    let chained = listener.watermarks.windows(2).all(|pair| pair[1].from == pair[0].to);
    assert!(chained, "{:?}", listener.watermarks);
    assert_eq!(listener.watermarks[0].from.0, 0);
}

#[tokio::test]
async fn after_a_crash_ranges_overlap_but_leave_no_hole() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    let config = RelayConfig {
        lease_ttl: Duration::from_millis(300),
        window: 40,
        ..quick()
    };
    for round in 0..3 {
        scene.record(round * 200 + 1, round * 200 + 200).await;
        let mut relay = scene.relay_with(config.clone());
        relay.until(|status| status.confirmed.0 > round * 200 + 50).await;
        relay.crash().await;
    }
    let relay = scene.relay();
    // The listener itself refuses a hole and a watermark before its events.
    listener.until(600).await;
    assert_true(&scene, &listener.watermarks).await;
    relay.stop().await;
}

#[tokio::test]
async fn an_idle_relay_gives_signs_of_life() {
    let scene = Scene::create().await;
    let mut listener = scene.listener().await;
    let relay = scene.relay_with(RelayConfig {
        sign_of_life: Duration::from_millis(50),
        ..quick()
    });
    while listener.watermarks.len() < 3 {
        listener.receive().await;
    }
    assert!(
        listener
            .watermarks
            .iter()
            .all(|mark| mark.from.0 == 0 && mark.to.0 == 0 && mark.recorded_at.is_none())
    );
    scene.record(1, 4).await;
    listener.until(4).await;
    relay.stop().await;

    // The first one after a restart comes before anything is recorded, and knows when the last event was.
    let again = scene.relay();
    let before = listener.watermarks.len();
    while listener.watermarks.len() < before + 1 {
        listener.receive().await;
    }
    let alive = listener.watermarks.last().expect("received");
    assert_eq!((alive.from.0, alive.to.0), (4, 4));
    assert_true(&scene, std::slice::from_ref(alive)).await;
    again.stop().await;
}
