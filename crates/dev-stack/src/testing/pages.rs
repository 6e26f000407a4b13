//! How many pages statements touch: a measure of work that no other test and no machine disturbs.

use sqlx::{Connection, PgConnection};

use crate::testing::database::expect;

/// Pages of tables and indexes that were touched in the connection's database so far, by sessions that have told of it.
///
/// A session tells of its work a second later, but this one at once: for a difference, the work between the two calls is to
/// be done on the same connection. Of the system's own tables nothing is counted.
///
/// # Panics
///
/// When the server does not answer.
pub async fn pages_touched(connection: &mut PgConnection) -> i64 {
    let told = sqlx::query("SELECT pg_stat_force_next_flush()").execute(&mut *connection);
    expect(told.await, "telling of the pages touched");
    // What was told is written down when the session waits for its next statement.
    expect(connection.ping().await, "waiting for the pages touched");
    let touched = sqlx::query_scalar(
        "SELECT coalesce(sum(
            heap_blks_hit + heap_blks_read + coalesce(idx_blks_hit, 0) + coalesce(idx_blks_read, 0)
            + coalesce(toast_blks_hit, 0) + coalesce(toast_blks_read, 0)
         ), 0)::bigint FROM pg_statio_user_tables",
    )
    .fetch_one(connection);
    expect(touched.await, "reading the pages touched")
}
