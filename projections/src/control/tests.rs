//! The move of the checkpoint: what it costs under an old snapshot, who waits for whom, and what processes of the version
//! before see of it.

use dev_stack::{TestDatabase, pages_touched};
use domain::Position;
use service::database::{DatabaseUrl, ensure_role};
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{Duration, sleep, timeout};
use uuid::Uuid;

use crate::control::{self, Advanced, Checkpoint, Fence, Row};
use crate::{Name, Projection, Users};

/// Moves made by the product to measure what one costs.
const MEASURED: i64 = 50;
/// Moves made between the measurements, each in a transaction of its own.
const MOVES: i64 = 50_000;
const ID: Uuid = Uuid::from_u128(1);

/// The database of a read model with its first generation.
async fn model() -> TestDatabase {
    let database = TestDatabase::create("users_control").await;
    let mut admin = PgConnection::connect(&database.url()).await.expect("the database");
    for role in event_store::ROLES {
        ensure_role(&mut admin, role, Some("test")).await.expect("a role");
    }
    let url: DatabaseUrl = database.url().parse().expect("a url");
    crate::migrate(Name::Users, &url).await.expect("migrated");
    control::ensure(&mut session(&database).await, &Users)
        .await
        .expect("the first generation");
    database
}

async fn session(database: &TestDatabase) -> PgConnection {
    let mut session = PgConnection::connect(&database.url_as("marquee_users", "test"))
        .await
        .expect("a connection");
    // As a consumer's.
    session.execute("SET enable_seqscan = off").await.expect("set");
    session
}

fn at(position: i64) -> Checkpoint {
    Checkpoint {
        position: Position(position),
        event_id: Some(ID),
        log_id: Some(ID),
        recorded_at: None,
    }
}

async fn advance(tx: &mut PgConnection, from: i64, epoch: Option<i64>, to: i64) -> Option<Advanced> {
    let fence = Fence {
        position: Position(from),
        event_id: (from > 0).then_some(ID),
        epoch,
    };
    control::advance(tx, &Users, fence, &at(to)).await.expect("an answer")
}

async fn load(connection: &mut PgConnection) -> Row {
    let row = control::load(connection, Users.name()).await.expect("an answer");
    row.expect("the projection's row")
}

/// Waits until a session of the database waits for a lock.
async fn somebody_waits(admin: &mut PgConnection) {
    let waits =
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    timeout(Duration::from_secs(60), async {
        while !sqlx::query_scalar::<_, bool>(waits)
            .fetch_one(&mut *admin)
            .await
            .expect("an answer")
        {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("somebody waits");
}

/// Pages that a move and a look at it touch.
async fn pages_per_move(consumer: &mut PgConnection, first: i64) -> f64 {
    let before = pages_touched(consumer).await;
    for i in first..first + MEASURED {
        let advanced = advance(consumer, i - 1, Some(1), i).await;
        assert_eq!(advanced.map(|row| row.consumer_epoch), Some(1));
        assert_eq!(load(consumer).await.checkpoint, at(i));
    }
    let after = pages_touched(consumer).await;
    (after - before) as f64 / MEASURED as f64
}

#[tokio::test]
async fn a_move_of_the_checkpoint_costs_the_same_under_an_old_snapshot() {
    let database = model().await;
    let mut consumer = session(&database).await;
    // As many checkpoints as are kept, so that each further one has another one forgotten.
    consumer
        .execute(
            "INSERT INTO checkpoint (projection, move, position, event_id, log_id, consumer_epoch, parked_streams)
             SELECT 'users', n, 1, gen_random_uuid(), gen_random_uuid(), 0, 0 FROM generate_series(-65536, -1) n",
        )
        .await
        .expect("checkpoints");
    let mut snapshot = session(&database).await;
    snapshot
        .execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM projection")
        .await
        .expect("a snapshot");
    advance(&mut consumer, 0, None, 1).await.expect("the first move");
    let at_first = pages_per_move(&mut consumer, 2).await;
    let mut other = session(&database).await;
    other.execute("SET synchronous_commit = off").await.expect("set");
    let id = format!("'{ID}'");
    let moves = format!(
        "DO $$ BEGIN FOR i IN {}..{} LOOP
            PERFORM move_checkpoint('users', {}, {}, i - 1, {id}, 1, i, {id}, {id}, NULL); COMMIT;
         END LOOP; END $$",
        MEASURED + 2,
        MOVES + MEASURED,
        Users.version(),
        Users.binding_version(),
    );
    other.execute(moves.as_str()).await.expect("moves");
    let afterwards = pages_per_move(&mut consumer, MOVES + MEASURED + 1).await;
    assert!(
        at_first > 0.0 && afterwards <= 2.0 * at_first,
        "a move touched {at_first} pages at first and {afterwards} after {MOVES} moves"
    );
    snapshot.close().await.expect("the snapshot was open all the time");
}

#[tokio::test]
async fn who_waits_for_the_row_sees_what_its_holder_has_committed() {
    let database = model().await;
    let mut admin = PgConnection::connect(&database.url()).await.expect("the database");
    for (holder, moved) in [
        // Another consumer has moved it.
        (
            "SELECT move_checkpoint('users', 1, 1, 0, NULL, NULL, 5, $id, $id, NULL)",
            false,
        ),
        ("UPDATE projection SET consumer_epoch = consumer_epoch + 1", false),
        // An operator has changed nothing that the consumer's work rests on.
        ("UPDATE projection SET parked_streams = 7, generation = 1", true),
        ("SELECT 1 FROM projection FOR UPDATE", true),
        ("UPDATE projection SET paused_at = now()", false),
    ] {
        let holder = holder
            .replace(
                "1, 1, 0",
                &format!("{}, {}, 0", Users.version(), Users.binding_version()),
            )
            .replace("$id", &format!("'{ID}'"));
        let (mut first, mut second) = (session(&database).await, session(&database).await);
        first.execute("BEGIN").await.expect("a transaction");
        let held = load(&mut second).await;
        first.execute(holder.as_str()).await.expect("held");
        let position = held.checkpoint.position.0;
        let epoch = (position > 0).then_some(held.consumer_epoch);
        let waiting = tokio::spawn(async move { advance(&mut second, position, epoch, position + 1).await });
        somebody_waits(&mut admin).await;
        first.execute("COMMIT").await.expect("committed");
        let advanced = waiting.await.expect("a move");
        assert_eq!(advanced.is_some(), moved, "{holder}");
        let row = load(&mut first).await;
        assert_eq!(
            advanced.map(|row| row.parked_streams),
            moved.then_some(row.parked_streams)
        );
        if moved {
            assert_eq!(row.checkpoint.position.0, position + 1, "{holder}");
        }
    }
}

/// How the version before moved the checkpoint.
const OLD_MOVE: &str = "WITH moved AS (
        UPDATE public.projection SET position = $2, event_id = $3, log_id = $4, recorded_at = $5,
            consumer_epoch = coalesce($6, consumer_epoch + 1),
            applied_slot = (applied_slot + 1) % 65536, updated_at = now()
        WHERE name = $1 AND position = $7 AND consumer_epoch = coalesce($6, consumer_epoch)
            AND version = $8 AND binding_version = $9 AND paused_at IS NULL
        RETURNING generation, consumer_epoch, parked_streams, applied_slot
     ), noted AS (
        INSERT INTO public.applied (projection, slot, position, generation, at)
        SELECT $1, applied_slot, $2, generation, clock_timestamp() FROM moved
        ON CONFLICT (projection, slot)
        DO UPDATE SET position = excluded.position, generation = excluded.generation, at = excluded.at
     )
     SELECT generation, consumer_epoch, parked_streams FROM moved";

async fn old_advance(tx: &mut PgConnection, from: i64, epoch: Option<i64>, to: i64) -> Option<Advanced> {
    sqlx::query_as(OLD_MOVE)
        .bind(Users.name())
        .bind(to)
        .bind(ID)
        .bind(ID)
        .bind(None::<chrono::DateTime<chrono::Utc>>)
        .bind(epoch)
        .bind(from)
        .bind(Users.version())
        .bind(Users.binding_version())
        .fetch_optional(tx)
        .await
        .expect("an answer")
}

#[tokio::test]
async fn a_process_of_the_version_before_moves_the_same_checkpoint_and_is_fenced_by_it() {
    let database = model().await;
    let (mut old, mut new) = (session(&database).await, session(&database).await);
    let moved = old_advance(&mut old, 0, None, 3).await.expect("the old one moves");
    assert_eq!((moved.generation, moved.consumer_epoch), (1, 1));
    assert_eq!(load(&mut new).await.checkpoint, at(3), "the new one sees it");
    assert_eq!(advance(&mut new, 0, None, 4).await, None, "and is fenced by it");
    assert!(advance(&mut new, 3, None, 5).await.is_some(), "goes on from there");
    assert_eq!(
        old_advance(&mut old, 3, Some(1), 6).await,
        None,
        "and fences the old one"
    );
    assert_eq!(load(&mut old).await.checkpoint, at(5));

    // One that has looked at the row before the other moves, and comes to the lock after it.
    new.execute("BEGIN").await.expect("a transaction");
    assert!(advance(&mut new, 5, Some(2), 7).await.is_some());
    let waiting = tokio::spawn(async move { old_advance(&mut old, 5, Some(2), 8).await });
    let mut admin = PgConnection::connect(&database.url()).await.expect("the database");
    somebody_waits(&mut admin).await;
    new.execute("COMMIT").await.expect("committed");
    assert_eq!(waiting.await.expect("an answer"), None);
    assert_eq!(load(&mut new).await.checkpoint, at(7));
    let moves: Vec<i64> = sqlx::query_scalar("SELECT position FROM checkpoint ORDER BY move")
        .fetch_all(&mut new)
        .await
        .expect("the checkpoints");
    assert_eq!(moves, [0, 3, 5, 7], "all are noted");
}
