//! A rebuild under load: nobody who reads notices it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::shelf::Shelf;
use crate::stack::Stack;

#[tokio::test]
async fn while_events_keep_coming_no_read_fails_is_empty_or_goes_back() {
    let stack = Stack::start().await;
    let process = stack.serve(Shelf::of_version(1)).await;
    process.reach_state("waiting").await;
    let relay = stack.serve_relay().await;
    let head = stack.append_many(100).await;
    stack.expect_shelf(head).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let reading = tokio::spawn(read_until(format!("{}/shelf/m-", process.url), Arc::clone(&is_over)));
    let appending = async {
        let mut last = head;
        while !is_over.load(Ordering::Relaxed) {
            last = stack.append_many(5).await;
        }
        last
    };
    let operating = async {
        for _ in 0..3 {
            process.rebuilt().await;
        }
        assert_eq!(process.rollback().await.status(), 202);
        let operation = process.ended().await;
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(operation["state"], "succeeded", "{operation}");
    };
    let (last, ()) = tokio::join!(appending, operating);
    let reads = reading.await.expect("no read failed");
    assert!(reads > 10, "{reads} reads");
    stack.expect_shelf(last).await;
    stack.expect_only(3, Some(4)).await;
    assert_eq!(
        process.healed_ranges().await,
        0,
        "the consumer went on without noticing"
    );
    relay.stop().await;
}

/// Reads all the time; panics at the first answer that is worse than the one before it.
async fn read_until(url: String, is_over: Arc<AtomicBool>) -> usize {
    let client = reqwest::Client::new();
    let (mut reads, mut position, mut events) = (0, 0, 0);
    while !is_over.load(Ordering::Relaxed) {
        let response = client.get(&url).send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        let at: i64 = response.headers()["read-position"]
            .to_str()
            .ok()
            .and_then(|text| text.parse().ok())
            .expect("a position");
        let shelf: Vec<(String, i64, i64)> = response.json().await.expect("the shelf");
        let sum: i64 = shelf.iter().map(|(_, sequence, _)| sequence).sum();
        assert!(
            at >= position && sum >= events,
            "{at} after {position}, {sum} events after {events}"
        );
        assert_eq!(shelf.len(), 7);
        (reads, position, events) = (reads + 1, at, sum);
    }
    reads
}
