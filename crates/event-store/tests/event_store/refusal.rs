//! Data the database refuses, and streams that cannot be read.

use event_store::{ExecuteError, StoreError};
use sqlx::Connection;

use crate::setup::{Log, accepted, grant, register};

#[tokio::test]
async fn one_command_with_data_the_database_refuses_fails_alone() {
    let log = Log::create().await;
    let process = log.process();
    let with_nul = domain::UserCommand::Register {
        // The edge refuses a NUL; history is decoded without rules, which is how one gets here.
        full_name: serde_json::from_str("\"a\\u0000b\"").expect("a string"),
        email: None,
    };
    let held = log.hold_appends().await;
    let release = async {
        log.append_waits().await;
        drop(held);
    };
    let (first, before, bad, after, ()) = tokio::join!(
        process.execute("first", register("Ada")),
        process.execute("before", register("Ada")),
        process.execute("bad", with_nul),
        process.execute("after", register("Ada")),
        release,
    );
    for executed in [first, before, after] {
        accepted(executed);
    }
    assert!(
        matches!(bad, Err(ExecuteError::Store(StoreError::Refused(_)))),
        "{bad:?}"
    );
    assert_eq!(log.assert_unbroken().await, 3);
}

#[tokio::test]
async fn a_stream_with_an_event_of_an_unknown_version_or_a_damaged_one_is_unreadable_not_misread() {
    let log = Log::create().await;
    let mut admin = log.admin().await;
    for (position, id, version, payload) in [
        (1, "future", "99", r#"{"type": "user.created", "full_name": "Ada"}"#),
        (2, "torn", "1", r#"{"type": "user.created", "full_name": 7}"#),
    ] {
        sqlx::query(
            "INSERT INTO events VALUES ($1, 'user', $2, 1, gen_random_uuid(), 'user.created', $3, $4::jsonb, '{}')",
        )
        .bind(position)
        .bind(id)
        .bind(version)
        .bind(payload)
        .execute(&mut admin)
        .await
        .expect("insert");
    }
    admin.close().await.expect("close");
    let process = log.process();
    for id in ["future", "torn"] {
        let executed = process.execute(id, grant("manager")).await;
        assert!(
            matches!(executed, Err(ExecuteError::Store(StoreError::Unreadable { .. }))),
            "{id}: {executed:?}"
        );
    }
    assert_eq!(log.assert_unbroken().await, 2);
}

#[tokio::test]
async fn an_append_outside_read_committed_is_refused() {
    let log = Log::create().await;
    let mut admin = log.admin().await;
    let mut transaction = admin.begin().await.expect("begin");
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        .execute(&mut *transaction)
        .await
        .expect("isolation");
    let append = "SELECT append_batch('{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}',
                                '{}','{}','{}','{}','{}')";
    let refused = sqlx::query(append)
        .execute(&mut *transaction)
        .await
        .expect_err("refused");
    assert_eq!(
        refused.as_database_error().and_then(|error| error.code()).as_deref(),
        Some("25001"),
        "{refused}"
    );
}
