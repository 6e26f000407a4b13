//! A long log, made at once: what would take clients minutes to write.

use sqlx::PgConnection;

/// Events of one user: created, then renamed.
const EVENTS_PER_USER: i64 = 4;

/// Appends the events of users, as the append function would: densely, in one transaction under its lock. The same call
/// makes the same users, so it is for a log that has none of them.
pub(crate) async fn append_users(event_store: &mut PgConnection, events: i64) {
    let append = format!(
        "DO $$ DECLARE head bigint; BEGIN
             PERFORM pg_advisory_xact_lock(1);
             SELECT coalesce(max(position), 0) INTO head FROM events;
             INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_id, event_type, event_version,
                                 payload, metadata)
             SELECT head + n + 1, 'user', 'user-' || n / {EVENTS_PER_USER}, n % {EVENTS_PER_USER} + 1,
                    gen_random_uuid(), event_type, '1',
                    jsonb_build_object('type', event_type, 'full_name', 'name ' || n), '{{}}'
             FROM generate_series(0, {events} - 1) AS n,
                  LATERAL (SELECT CASE n % {EVENTS_PER_USER} WHEN 0 THEN 'user.created'
                                  ELSE 'user.profile.updated' END AS event_type) AS kind;
         END $$"
    );
    sqlx::raw_sql(&append).execute(event_store).await.expect("appended");
}

/// Appends one event of a user, with whatever payload; its position.
pub(crate) async fn append_user_event(
    event_store: &mut PgConnection,
    (id, sequence): (&str, i64),
    event_type: &str,
    payload: &str,
) -> i64 {
    let mut tx = sqlx::Connection::begin(event_store).await.expect("a transaction");
    sqlx::query("SELECT pg_advisory_xact_lock(1)")
        .execute(&mut *tx)
        .await
        .expect("the lock of the append function");
    let position = sqlx::query_scalar(
        "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_id, event_type, event_version, \
                             payload, metadata) \
         SELECT coalesce(max(position), 0) + 1, 'user', $1, $2, gen_random_uuid(), $3, '1', $4::jsonb, '{}' \
         FROM events RETURNING position",
    )
    .bind(id)
    .bind(sequence)
    .bind(event_type)
    .bind(payload)
    .fetch_one(&mut *tx)
    .await
    .expect("appended");
    tx.commit().await.expect("committed");
    position
}

/// Puts another payload in the place of an event's, as no role of Marquee can: stands for code that was repaired.
pub(crate) async fn repair(event_store: &mut PgConnection, position: i64, payload: &str) {
    let repair = format!(
        "BEGIN; SET LOCAL session_replication_role = replica; \
         UPDATE events SET payload = '{payload}' WHERE position = {position}; COMMIT"
    );
    sqlx::raw_sql(&repair).execute(event_store).await.expect("repaired");
}
