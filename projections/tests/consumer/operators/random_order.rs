//! Whatever is parked, retried and discarded in whatever order: the rows are the log's without what was discarded.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::operators::asking::{append_damaged, applied_of, discard, get, parked_streams, relay, retry, served};
use crate::process::Process;

const STREAMS: [&str; 3] = ["rule-0", "data-1", "m-2"];
const CASES: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    AppendDamaged(usize),
    Forgive(bool),
    Retry(usize),
    Discard { nr: usize, all: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..STREAMS.len()).prop_map(Step::Append),
        2 => (0..STREAMS.len()).prop_map(Step::AppendDamaged),
        1 => any::<bool>().prop_map(Step::Forgive),
        2 => (0..3_usize).prop_map(Step::Retry),
        1 => (0..3_usize, prop::bool::weighted(0.2)).prop_map(|(nr, all)| Step::Discard { nr, all }),
    ];
    prop::collection::vec(step, 30)
}

/// The position of some parked stream.
async fn parked(process: &Process, nr: usize) -> Option<i64> {
    get(process, "/parked").await.ok()["items"][nr]["position"].as_i64()
}

async fn expect_the_log_without_the_discarded(steps: Vec<Step>) {
    let (mut stack, process, recorder) = served().await;
    for step in &steps {
        match step {
            Step::Append(nr) => relay(&mut stack, &[STREAMS[*nr]]).await,
            Step::AppendDamaged(nr) => {
                let position = append_damaged(&stack, STREAMS[*nr]).await;
                stack.relay(position - 1, position).await;
                stack.reach(position).await;
            }
            Step::Forgive(forgives) => recorder.forgive(*forgives),
            Step::Retry(nr) => {
                if let Some(position) = parked(&process, *nr).await {
                    retry(&process, position).await.ok();
                }
            }
            Step::Discard { nr, all } => {
                if let Some(position) = parked(&process, *nr).await {
                    discard(&process, position, json!({"reason": "x", "all": all}))
                        .await
                        .ok();
                }
            }
        }
        let streams = get(&process, "/parked").await.ok()["items"]
            .as_array()
            .map_or(0, Vec::len);
        assert_eq!(parked_streams(&stack).await, streams as i64, "{steps:?}");
    }
    recorder.forgive(true);
    while let Some(position) = parked(&process, 0).await {
        if retry(&process, position).await.ok()["still_parked"] != 0 {
            let position = parked(&process, 0).await.expect("it is still parked");
            discard(&process, position, json!({"reason": "damaged"})).await.ok();
        }
    }
    let head = stack.log.head().await.expect("the log's head").position.0;
    let discarded = stack.column("SELECT position FROM discarded_event").await;
    let discarded: BTreeSet<i64> = discarded.into_iter().collect();
    let events = stack.events(0, head).await;
    for stream in STREAMS {
        let of_stream = events.iter().filter(|event| event.aggregate_id == stream);
        let expected: Vec<i64> = of_stream
            .map(|event| event.position.0)
            .filter(|position| !discarded.contains(position))
            .collect();
        assert_eq!(applied_of(&stack, stream).await, expected, "{stream}: {steps:?}");
    }
}

#[tokio::test]
async fn the_rows_are_the_logs_without_the_discarded_events() {
    let mut runner = TestRunner::default();
    for _ in 0..CASES {
        let case = steps().new_tree(&mut runner).expect("a case").current();
        expect_the_log_without_the_discarded(case).await;
    }
}
