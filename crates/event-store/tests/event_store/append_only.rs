//! The database defends the log.

use event_store::ROLES;
use sqlx::{Connection, PgConnection};

use crate::setup::{Log, accepted, register};

#[tokio::test]
async fn update_delete_and_truncate_are_refused_to_every_service_and_to_the_superuser() {
    let log = Log::create().await;
    let process = log.process();
    accepted(process.execute("1", register("Ada")).await);
    let mut connections = vec![("superuser", log.admin().await)];
    for role in ROLES {
        connections.push((
            role,
            PgConnection::connect(&log.database.url_as(role, "test"))
                .await
                .expect("connect"),
        ));
    }
    for (role, connection) in &mut connections {
        for statement in [
            "UPDATE events SET event_type = 'x'",
            "DELETE FROM events",
            "TRUNCATE events",
        ] {
            let refused = sqlx::query(statement)
                .execute(&mut *connection)
                .await
                .expect_err(statement);
            let code = refused.as_database_error().and_then(|error| error.code());
            assert_eq!(code.as_deref(), Some("42501"), "{role}: {statement}: {refused}");
        }
    }
    assert_eq!(log.assert_unbroken().await, 1);
}

#[tokio::test]
async fn a_service_does_what_it_is_there_for_and_no_more() {
    let log = Log::create().await;
    let insert = "INSERT INTO events VALUES (1, 'user', '1', 1, gen_random_uuid(), 'user.created', '1', '{}', '{}')";
    let append = "SELECT append('{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}',
                                '{}','{}','{}','{}','{}')";
    let new_log = "UPDATE log SET log_id = gen_random_uuid()";
    let keys = "SELECT * FROM idempotency_keys";
    for role in ROLES {
        let mut connection = PgConnection::connect(&log.database.url_as(role, "test"))
            .await
            .expect("connect");
        sqlx::query("SELECT * FROM events, log")
            .execute(&mut connection)
            .await
            .expect("every service reads the log");
        for (statement, allowed) in [
            (insert, false),
            (new_log, false),
            ("CREATE TABLE mine ()", false),
            (append, role == "marquee_command_api"),
            (keys, role == "marquee_command_api"),
        ] {
            let done = sqlx::query(statement).execute(&mut connection).await;
            assert_eq!(done.is_ok(), allowed, "{role}: {statement}: {done:?}");
        }
    }
}
