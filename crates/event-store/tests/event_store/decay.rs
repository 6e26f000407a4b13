//! What moves with the traffic costs the same after many moves under an old snapshot, during which nothing dead can be removed.

use std::time::Duration;

use dev_stack::pages_touched;
use domain::Position;
use event_store::{RelayCheckpoint, RelayState};
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::{Connection, Executor, PgConnection, PgPool};
use uuid::Uuid;

use crate::setup::Log;

/// Moves made by the product to measure what one costs.
const MEASURED: i64 = 50;
/// Moves made between the measurements, each in a transaction of its own.
const MOVES: i64 = 50_000;
const HOLDER: Uuid = Uuid::from_u128(1);

/// What moves, and how.
struct Mover {
    name: &'static str,
    pool: PgPool,
    /// Made before anything is measured, and before the old snapshot.
    before: &'static str,
    /// The move with the number `i`, as the product makes it.
    make: Box<dyn Fn(i64) -> BoxFuture<'static, ()>>,
    /// The same in SQL.
    in_sql: &'static str,
}

/// A snapshot that stays open until it is dropped.
async fn old_snapshot(log: &Log) -> PgConnection {
    let mut session = log.admin().await;
    session
        .execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM events")
        .await
        .expect("a snapshot");
    session
}

async fn pages_per_move(mover: &Mover, first: i64) -> f64 {
    // The pool has one connection, on which everything is asked.
    let before = pages_touched(&mut mover.pool.acquire().await.expect("a connection")).await;
    for i in first..first + MEASURED {
        (mover.make)(i).await;
    }
    let after = pages_touched(&mut mover.pool.acquire().await.expect("a connection")).await;
    (after - before) as f64 / MEASURED as f64
}

async fn expect_no_decay(log: &Log, mover: Mover) {
    let mut admin = log.admin().await;
    admin.execute(mover.before).await.expect(mover.before);
    let snapshot = old_snapshot(log).await;
    // Plans, and the first pages of everything.
    (mover.make)(1).await;
    let at_first = pages_per_move(&mover, 2).await;
    let (from, to) = (MEASURED + 2, MOVES + MEASURED);
    let moves = format!(
        "SET synchronous_commit = off; SET enable_seqscan = off;
         DO $$ BEGIN FOR i IN {from}..{to} LOOP {}; COMMIT; END LOOP; END $$",
        mover.in_sql
    );
    for statement in moves.splitn(3, ';') {
        admin.execute(statement).await.expect(statement);
    }
    let afterwards = pages_per_move(&mover, to + 1).await;
    assert!(
        at_first > 0.0 && afterwards <= 2.0 * at_first,
        "{}: a move touched {at_first} pages at first and {afterwards} after {MOVES} moves",
        mover.name
    );
    snapshot.close().await.expect("the snapshot was open all the time");
}

fn one_connection(log: &Log, role: &str) -> PgPool {
    let options = service::database::PoolOptions {
        connections_max: 1,
        ..service::database::PoolOptions::default()
    };
    service::database::pool(&log.url_as(role), options)
}

/// As many publication times as are remembered, so that each further one has another one forgotten; and a log to publish.
const FULL_MEMORY: &str = "INSERT INTO publication SELECT n, 0, now() FROM generate_series(-65536, -1) n;
    INSERT INTO events SELECT n, 'user', '1', n, lpad(to_hex(n), 32, '0')::uuid, 'user.logged_in', '1', '{}', '{}'
    FROM generate_series(1, 51000) n";

#[tokio::test]
async fn a_move_of_the_relays_checkpoint_costs_the_same_under_an_old_snapshot() {
    let log = Log::create().await;
    let pool = one_connection(&log, "marquee_event_relay");
    let state = RelayState::new(pool.clone());
    let lease = state
        .acquire(HOLDER, Duration::from_hours(1))
        .await
        .expect("an answer")
        .expect("free");
    let make = Box::new(move |i| {
        let (state, lease) = (state.clone(), lease.clone());
        let checkpoint = RelayCheckpoint {
            log_id: Some(HOLDER),
            position: Position(i),
            event_id: Some(Uuid::from_u128(u128::from(i.unsigned_abs()))),
            watermark: Position(i),
        };
        async move {
            state.advance(&lease, &checkpoint).await.expect("moved");
            assert_eq!(state.checkpoint().await.expect("read"), checkpoint);
        }
        .boxed()
    });
    let mover = Mover {
        name: "the relay's checkpoint and its times of publication",
        pool,
        before: FULL_MEMORY,
        make,
        in_sql: "PERFORM relay_advance(
            '00000000-0000-0000-0000-000000000001', 1, '1 hour',
            '00000000-0000-0000-0000-000000000001', i, lpad(to_hex(i), 32, '0')::uuid, i)",
    };
    expect_no_decay(&log, mover).await;
}

#[tokio::test]
async fn a_renewal_of_the_relays_lease_costs_the_same_under_an_old_snapshot() {
    let log = Log::create().await;
    let pool = one_connection(&log, "marquee_event_relay");
    let state = RelayState::new(pool.clone());
    let lease = state
        .acquire(HOLDER, Duration::from_hours(1))
        .await
        .expect("an answer")
        .expect("free");
    let make = Box::new(move |_i| {
        let (state, lease) = (state.clone(), lease.clone());
        async move {
            state.renew(&lease).await.expect("renewed");
            let progress = state.progress().await.expect("read");
            assert_eq!(progress.leader.expect("a leader").holder, HOLDER);
        }
        .boxed()
    });
    let mover = Mover {
        name: "the relay's lease",
        pool,
        before: "SELECT 1",
        make,
        in_sql: "PERFORM relay_renew('00000000-0000-0000-0000-000000000001', 1, '1 hour')",
    };
    expect_no_decay(&log, mover).await;
}

/// Keys that are old enough to be forgotten, in the order of their age.
const OLD_KEYS: &str = "INSERT INTO idempotency_keys (principal, key, request_hash, status, sequence, position, recorded_at)
    SELECT 'p', 'old-' || n, '', 200, 0, 0, '2020-01-01'::timestamptz + n * interval '1 s' FROM generate_series(1, 60000) n";

#[tokio::test]
async fn forgetting_idempotency_keys_costs_the_same_under_an_old_snapshot() {
    let log = Log::create().await;
    let pool = one_connection(&log, "marquee_command_api");
    let connect = event_store::Connect::new(
        service::database::connect_options(&log.url_as("marquee_command_api"), "test").into_function(),
    );
    let (store, _writer) = event_store::EventStore::new(pool.clone(), connect, event_store::StoreConfig::default());
    let forget = async |keys: u32| {
        store
            .forget_idempotency_keys(Duration::from_secs(3600), keys)
            .await
            .expect("an answer")
    };
    log.admin().await.execute(OLD_KEYS).await.expect("keys");
    let snapshot = old_snapshot(&log).await;
    let per_batch = async || {
        let before = pages_touched(&mut pool.acquire().await.expect("a connection")).await;
        for _ in 0..MEASURED {
            assert_eq!(forget(10).await, 10);
        }
        let after = pages_touched(&mut pool.acquire().await.expect("a connection")).await;
        (after - before) as f64 / MEASURED as f64
    };
    let at_first = per_batch().await;
    for _ in 0..50 {
        assert_eq!(forget(1000).await, 1000);
    }
    let afterwards = per_batch().await;
    assert!(
        at_first > 0.0 && afterwards <= 2.0 * at_first,
        "ten keys touched {at_first} pages at first and {afterwards} after 50,000"
    );
    snapshot.close().await.expect("the snapshot was open all the time");
}
