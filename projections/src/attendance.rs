//! Consumers as others see them: that each works, or rests because the projection is paused, told by locks in the read
//! model's database; and the call by which they hear that an operator has changed something.
//!
//! A lock ends with its session, so nobody waits for a process that is gone. Nobody takes them for itself, so nobody waits
//! for a lock.

use sqlx::{Executor, PgConnection, Postgres};

/// Channel of the call.
pub(crate) const CHANNEL: &str = "marquee_projection_changed";
/// First numbers of the locks; any constants of our own.
const WORKS_CLASS: i32 = 0x6d71_776b;
const RESTS_CLASS: i32 = 0x6d71_7273;

/// What a consumer is at, as others see it. One that has ended a session and begins another one after a pause is neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attendance {
    /// It may apply, and hold the queue: from before it looks whether the projection is paused until its channel is closed.
    pub(crate) works: bool,
    /// It has found the projection paused, and has not connected since.
    pub(crate) rests: bool,
}

/// A part of [`Attendance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Works,
    Rests,
}

impl Part {
    fn class(self) -> i32 {
        match self {
            Self::Works => WORKS_CLASS,
            Self::Rests => RESTS_CLASS,
        }
    }
}

impl Attendance {
    /// Tells whether the part holds.
    pub(crate) fn has(self, part: Part) -> bool {
        match part {
            Part::Works => self.works,
            Part::Rests => self.rests,
        }
    }
}

/// Shows `now` instead of `before`, in the session that shows it for as long as it lives. What is new is shown before what is
/// old ends.
pub(crate) async fn show<'c, E>(
    session: &'c mut E,
    projection: &str,
    before: Attendance,
    now: Attendance,
) -> Result<(), sqlx::Error>
where
    for<'e> &'e mut E: Executor<'e, Database = Postgres>,
{
    for part in [Part::Works, Part::Rests] {
        if now.has(part) && !before.has(part) {
            let lock = sqlx::query("SELECT pg_advisory_lock_shared($1, hashtext($2))");
            lock.bind(part.class()).bind(projection).execute(&mut *session).await?;
        }
    }
    for part in [Part::Works, Part::Rests] {
        if before.has(part) && !now.has(part) {
            let unlock = sqlx::query("SELECT pg_advisory_unlock_shared($1, hashtext($2))");
            unlock
                .bind(part.class())
                .bind(projection)
                .execute(&mut *session)
                .await?;
        }
    }
    Ok(())
}

/// Counts the consumers of a projection that are at something, in all processes.
pub(crate) async fn count(connection: &mut PgConnection, projection: &str, part: Part) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid = l.database \
         WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted \
         AND l.classid::bigint = $1 AND l.objid::bigint = hashtext($2)::bigint & 4294967295",
    )
    .bind(i64::from(part.class()))
    .bind(projection)
    .fetch_one(connection)
    .await
}

/// Calls the consumers of the projection, in all processes, to look at its row again; they hear it when the caller's transaction
/// is committed.
pub(crate) async fn call(tx: &mut PgConnection, projection: &str) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(projection)
        .execute(tx)
        .await
        .map(drop)
}
