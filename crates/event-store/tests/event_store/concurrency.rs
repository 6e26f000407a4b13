//! Many writers on many streams while a reader follows the log.

use std::collections::HashMap;

use domain::Position;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

use crate::setup::{Log, accepted, set_profile, until};

const PROCESSES: usize = 8;
const COMMANDS: usize = 150;
const STREAMS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_writers_and_a_following_reader_positions_dense_none_skipped_sequences_unbroken() {
    let log = Log::create().await;
    let reader = log.reader();
    let mut writers = JoinSet::new();
    for writer in 0..PROCESSES {
        let process = log.process();
        writers.spawn(async move {
            let mut appended = 0;
            for n in 0..COMMANDS {
                let id = format!("{}", (writer * 7 + n) % STREAMS);
                appended += accepted(process.execute(&id, set_profile(&format!("{writer}-{n}"))).await).2;
            }
            process.stop().await;
            appended
        });
    }
    let mut seen: Vec<(Position, String, i64)> = Vec::new();
    let follow = until(async || {
        let after = seen.last().map_or(Position(0), |last| last.0);
        let read = reader.read(after, 64).await.expect("contiguous from the last one read");
        let done = read.is_empty() && seen.len() >= PROCESSES * COMMANDS + STREAMS;
        seen.extend(
            read.into_iter()
                .map(|event| (event.position, event.aggregate_id, event.sequence.0)),
        );
        done
    });

    let (appended, ()) = tokio::join!(writers.join_all(), follow);
    let appended: usize = appended.into_iter().sum();

    assert_eq!(seen.len(), appended, "the reader skipped nothing");
    assert_eq!(
        appended,
        PROCESSES * COMMANDS + STREAMS,
        "two events for each new stream, one for every other command"
    );
    let mut sequences: HashMap<String, i64> = HashMap::new();
    for (n, (position, id, sequence)) in seen.into_iter().enumerate() {
        assert_eq!(position, Position(n as i64 + 1));
        let last = sequences.entry(id).or_default();
        assert_eq!(sequence, *last + 1);
        *last = sequence;
    }
    assert_eq!(log.assert_unbroken().await, appended as i64);
}

#[tokio::test]
async fn a_process_of_the_version_before_appends_beside_this_one() {
    let log = Log::create().await;
    let process = log.process();
    accepted(process.execute("1", set_profile("Ada")).await);
    let mut before = PgConnection::connect(&log.database.url_as("marquee_command_api", "test"))
        .await
        .expect("connect");

    let (outcome, position): (String, i64) = sqlx::query_as(
        "SELECT outcome, position FROM append(
            '{user}', '{1}', '{2}', ARRAY[$1], '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}',
            '{NULL}', '{1}', ARRAY[$1], '{user.logged_in}', '{1}', ARRAY['{\"type\": \"user.logged_in\"}'], ARRAY['{}'])",
    )
    .bind(uuid::Uuid::now_v7())
    .fetch_one(&mut before)
    .await
    .expect("append");

    assert_eq!((outcome.as_str(), position), ("appended", 3));
    accepted(process.execute("1", set_profile("Ada Lovelace")).await);
    assert_eq!(log.assert_unbroken().await, 4);
}
