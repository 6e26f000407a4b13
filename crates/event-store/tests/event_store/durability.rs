//! What is appended is on the disk before it is answered, whatever the session says that it is appended in.

use sqlx::{Connection, Executor, PgConnection};

use crate::setup::Log;

/// One event, without and with a key, by the function of this version and by the one before.
const APPENDS: [&str; 3] = [
    "SELECT 1 FROM append_batch('{user}', '{1}', '{0}', ARRAY[gen_random_uuid()], '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
        '{1}', ARRAY[gen_random_uuid()], '{user.logged_in}', '{1}', '{\"{}\"}', '{\"{}\"}')",
    "SELECT 1 FROM append_batch('{user}', '{2}', '{0}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{me}', '{key}', '{ab}', '{200}',
        '{NULL}', '{}', '{}', '{}', '{}', '{}', '{}')",
    "SELECT 1 FROM append('{user}', '{3}', '{0}', ARRAY[gen_random_uuid()], '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}',
        '{NULL}', '{NULL}', '{NULL}', '{1}', ARRAY[gen_random_uuid()], '{user.logged_in}', '{1}', '{\"{}\"}', '{\"{}\"}')",
];

async fn appended_in(session: &mut PgConnection, append: &str) -> String {
    let mut tx = session.begin().await.unwrap();
    tx.execute(append).await.unwrap();
    let durability = sqlx::query_scalar("SHOW synchronous_commit")
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    tx.rollback().await.unwrap();
    durability
}

#[tokio::test]
async fn an_append_waits_for_the_disk_whatever_the_session_says() {
    let log = Log::create().await;
    let url = log.database.url_as("marquee_command_api", "test");
    let mut session = PgConnection::connect(&url).await.unwrap();
    for (said, done) in [
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "on"),
        ("on", "on"),
        ("remote_apply", "remote_apply"),
    ] {
        let say = format!("SET synchronous_commit = {said}");
        session.execute(say.as_str()).await.unwrap();
        for append in APPENDS {
            assert_eq!(appended_in(&mut session, append).await, done, "{said}: {append}");
        }
        let afterwards: String = sqlx::query_scalar("SHOW synchronous_commit")
            .fetch_one(&mut session)
            .await
            .unwrap();
        assert_eq!(afterwards, said, "of the transaction only");
    }
    session.close().await.unwrap();
}
