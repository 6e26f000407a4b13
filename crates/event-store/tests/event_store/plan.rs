//! What an append costs the database: index probes, whatever the size of the log and the statistics say.

use sqlx::{Connection, PgConnection};

use crate::setup::{Log, accepted, keyed, register, set_profile, until};

/// Scans and index entries of `events` and `idempotency_keys`, as counted by the server.
#[derive(Clone, Copy, Debug, PartialEq, sqlx::FromRow)]
struct Cost {
    scanned: i64,
    probed: i64,
    updated: i64,
}

/// The counters, once the server has counted everything that is committed.
async fn cost(log: &Log, events: i64) -> Cost {
    let mut admin = log.admin().await;
    until(async || {
        // A backend reports what it counted when it is idle for a while, at the latest when it ends.
        sqlx::query_scalar::<_, bool>("SELECT n_tup_ins = $1 FROM pg_stat_user_tables WHERE relname = 'events'")
            .bind(events)
            .fetch_one(&mut admin)
            .await
            .expect("statistics")
    })
    .await;
    sqlx::query_as(
        "SELECT sum(seq_tup_read)::bigint AS scanned, sum(idx_tup_fetch)::bigint AS probed,
                sum(n_tup_upd + n_tup_del)::bigint AS updated
         FROM pg_stat_user_tables WHERE relname IN ('events', 'idempotency_keys')",
    )
    .fetch_one(&mut admin)
    .await
    .expect("statistics")
}

/// Appends by a process of its own, which then ends, so that all it did is counted.
async fn append_some(log: &Log, prefix: &str, commands: usize) {
    let process = log.process();
    for n in 0..commands {
        let id = format!("{prefix}-{n}");
        accepted(process.execute_with(&id, register("Ada"), keyed(&id, "hash")).await);
        accepted(
            process
                .execute_with(&id, set_profile("Ada Lovelace"), keyed(&format!("{id}-2"), "hash"))
                .await,
        );
    }
    process.stop().await;
}

async fn fill(log: &Log, events: i64) {
    let mut admin = log.admin().await;
    sqlx::query(
        "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_id, event_type, event_version,
                             payload, metadata)
         SELECT n, 'user', 'filled-' || n % 1000, 1 + n / 1000, gen_random_uuid(), 'user.logged_in', '1',
                '{\"type\": \"user.logged_in\"}', '{}'
         FROM generate_series((SELECT count(*) FROM events) + 1, $1) n",
    )
    .bind(events)
    .execute(&mut admin)
    .await
    .expect("fill");
    admin.close().await.expect("close");
}

/// Rows an append may look at: the head, its stream, its events' ids and its key.
const ROWS_PER_COMMAND: i64 = 6;

#[tokio::test]
async fn the_plan_is_an_index_probe_on_an_empty_and_on_a_large_table_without_statistics() {
    let log = Log::create().await;
    append_some(&log, "empty", 30).await;
    let empty = cost(&log, 60).await;
    assert_eq!(empty.scanned, 0, "no scan on an empty table: {empty:?}");
    assert!(empty.probed <= 60 * ROWS_PER_COMMAND, "{empty:?}");

    fill(&log, 50_000).await;
    let before = cost(&log, 50_000).await;
    append_some(&log, "large", 30).await;
    let after = cost(&log, 50_060).await;
    assert_eq!(after.scanned, before.scanned, "no scan on a large table");
    assert!(
        after.probed - before.probed <= 60 * ROWS_PER_COMMAND,
        "{before:?} {after:?}"
    );
}

#[tokio::test]
async fn an_old_snapshot_held_open_leaves_the_cost_of_an_append_as_it_was() {
    let log = Log::create().await;
    append_some(&log, "before", 5).await;
    let mut old = PgConnection::connect(&log.database.url()).await.expect("connect");
    let mut snapshot = old.begin().await.expect("begin");
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        .execute(&mut *snapshot)
        .await
        .expect("isolation");
    sqlx::query("SELECT txid_current(), count(*) FROM log")
        .execute(&mut *snapshot)
        .await
        .expect("snapshot");

    let mut costs = vec![cost(&log, 10).await];
    for round in 0..3 {
        append_some(&log, &format!("round-{round}"), 100).await;
        costs.push(cost(&log, 10 + 200 * (round + 1)).await);
    }

    let per_round: Vec<i64> = costs.windows(2).map(|pair| pair[1].probed - pair[0].probed).collect();
    assert_eq!(
        per_round[0], per_round[1],
        "no append walks over what an earlier one left: {per_round:?}"
    );
    assert_eq!(per_round[1], per_round[2], "{per_round:?}");
    let last = costs[3];
    assert_eq!(
        (last.updated, last.scanned),
        (0, 0),
        "nothing is updated, so nothing dead piles up: {last:?}"
    );
    snapshot.rollback().await.expect("rollback");
}

#[tokio::test]
async fn commands_that_are_refused_or_were_appended_before_cost_probes_too() {
    let log = Log::create().await;
    append_some(&log, "some", 5).await;
    fill(&log, 50_000).await;
    let before = cost(&log, 50_000).await;
    let mut admin = log.admin().await;

    // One sent again, one behind its stream, one with a key that was used, one that is new.
    let (first, outcomes): (Option<i64>, Vec<String>) = sqlx::query_as(
        "SELECT first_position, outcome FROM append_batch(
            array_fill('user'::text, '{4}'), '{some-0,some-1,none,new}', '{1,1,0,0}',
            ARRAY[(SELECT event_id FROM events WHERE position = 2), $1, $2, $3],
            array_fill(NULL::text, '{4}'), array_fill(NULL::text, '{4}'), array_fill(NULL::bigint, '{4}'),
            array_fill('anonymous'::text, '{4}'), '{NULL,NULL,some-2,NULL}', array_fill('hash'::bytea, '{4}'),
            array_fill(201::smallint, '{4}'), array_fill(NULL::text, '{4}'),
            '{1,2,3,4}', ARRAY[(SELECT event_id FROM events WHERE position = 2), $1, $2, $3],
            array_fill('user.logged_in'::text, '{4}'), array_fill('1'::text, '{4}'),
            array_fill('{}'::text, '{4}'), array_fill('{}'::text, '{4}')
         )",
    )
    .bind(uuid::Uuid::now_v7())
    .bind(uuid::Uuid::now_v7())
    .bind(uuid::Uuid::now_v7())
    .fetch_one(&mut admin)
    .await
    .expect("append");
    admin.close().await.expect("close");

    assert_eq!(first, None, "not appended as a whole");
    assert_eq!(outcomes, ["appended", "conflict", "replayed", "appended"]);
    let after = cost(&log, 50_001).await;
    assert_eq!(after.scanned, before.scanned, "no scan");
    // Looked at to find what is unusual, to decide and to answer.
    let probed = after.probed - before.probed;
    assert!(probed <= 3 * 4 * ROWS_PER_COMMAND, "{before:?} {after:?}");
}
