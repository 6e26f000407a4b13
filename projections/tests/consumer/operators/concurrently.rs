//! Operators act while the consumer works, and while other operators act.

use serde_json::json;

use crate::operators::asking::{applied_of, discard, parked_streams, relay, retry, served};

#[tokio::test]
async fn the_consumer_goes_on_while_a_stream_is_retried() {
    let (mut stack, process, recorder) = served().await;
    relay(&mut stack, &["rule-1", "rule-1"]).await;
    let streams: Vec<&str> = ["rule-1", "m-1", "rule-1"].into_iter().cycle().take(120).collect();
    let more = async {
        for part in streams.chunks(6) {
            relay(&mut stack, part).await;
        }
    };
    let retries = async {
        for nr in 0..10 {
            recorder.forgive(nr > 4);
            let answer = retry(&process, 2).await;
            assert!([200, 404].contains(&answer.status), "{answer:?}");
        }
    };
    tokio::join!(more, retries);
    assert_eq!(stack.parked().await, []);
    let expected = stack
        .column("SELECT position FROM recorder_g1.applied ORDER BY position")
        .await;
    assert_eq!(expected, (1..=122).collect::<Vec<_>>(), "everything, once");
    let applied = applied_of(&stack, "rule-1").await;
    assert!(applied.is_sorted(), "{applied:?}");
    assert_eq!(parked_streams(&stack).await, 0);
}

#[tokio::test]
async fn of_several_operators_at_one_stream_one_acts_and_the_others_find_it_done() {
    let (mut stack, process, recorder) = served().await;
    relay(&mut stack, &["rule-1", "rule-1", "rule-1", "rule-1"]).await;
    recorder.forgive(true);
    let answers = tokio::join!(
        retry(&process, 2),
        retry(&process, 2),
        discard(&process, 2, json!({"reason": "x"}))
    );
    let answers = [answers.0, answers.1, answers.2];
    let acted: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(acted.len(), 1, "{answers:?}");
    let of = |key: &str| acted[0].body[key].as_i64().expect("a number");
    assert_eq!(of("applied") + of("discarded"), 3);
    let refused = answers.iter().filter(|answer| answer.status != 200);
    assert!(
        refused
            .map(|answer| answer.refusal())
            .all(|refusal| refusal == (404, "NOT_PARKED"))
    );
    assert_eq!(applied_of(&stack, "rule-1").await.len() as i64, 1 + of("applied"));
    assert_eq!(parked_streams(&stack).await, 0);
}
