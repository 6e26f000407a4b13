//! What a session must not leave behind for whoever is given it next.

use sqlx::{Error, Executor, PgConnection};

/// Gives back the session's advisory locks and its role, after work that may have ended anywhere outside of a transaction. A pooler
/// may give the session to another client without emptying it; on a connection of one's own the end of it would do the same.
///
/// # Errors
/// What the connection reports; then the session has ended, and nothing is left of it.
pub async fn leave_nothing(session: &mut PgConnection) -> Result<(), Error> {
    session
        .execute("SELECT pg_catalog.pg_advisory_unlock_all(); RESET ROLE")
        .await
        .map(drop)
}
