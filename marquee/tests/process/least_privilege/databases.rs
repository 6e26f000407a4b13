//! What the roles try in the databases.

use event_store::ROLES;
use sqlx::{Connection, Executor, PgConnection};

use crate::child::Process;
use crate::deployment::Deployment;

const COMMAND_API: &str = "marquee_command_api";
const RELAY: &str = "marquee_event_relay";
const REFUSED: &str = "42501";

/// What is tried in the event store, and who may do it.
const IN_THE_EVENT_STORE: [(&str, &[&str]); 57] = [
    ("SELECT * FROM events, log", &ROLES),
    ("UPDATE events SET event_type = 'x'", &[]),
    ("DELETE FROM events", &[]),
    ("TRUNCATE events", &[]),
    (
        "INSERT INTO events VALUES (1, 'user', '1', 1, gen_random_uuid(), 'user.created', '1', '{}', '{}')",
        &[],
    ),
    ("COPY events FROM STDIN", &[]),
    ("ALTER TABLE events DISABLE TRIGGER ALL", &[]),
    ("DROP TABLE events", &[]),
    ("SET session_replication_role = replica", &[]),
    (
        "SELECT append('{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}')",
        &[COMMAND_API],
    ),
    (
        "SELECT append_batch('{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}')",
        &[COMMAND_API],
    ),
    (
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE sql AS ''",
        &[],
    ),
    ("UPDATE log SET log_id = gen_random_uuid()", &[]),
    ("DELETE FROM log", &[]),
    ("SELECT key, request_hash FROM idempotency_keys", &[COMMAND_API]),
    ("SELECT status, position FROM idempotency_keys", &[COMMAND_API, RELAY]),
    ("DELETE FROM idempotency_keys", &[COMMAND_API]),
    ("INSERT INTO idempotency_keys DEFAULT VALUES", &[]),
    ("UPDATE idempotency_keys SET status = 200", &[]),
    ("SELECT * FROM relay", &[RELAY]),
    ("UPDATE relay SET expires_at = expires_at", &[RELAY]),
    ("DELETE FROM relay", &[]),
    ("INSERT INTO relay DEFAULT VALUES", &[]),
    ("TRUNCATE relay", &[]),
    ("SELECT * FROM published", &[RELAY]),
    ("UPDATE published SET at = at", &[RELAY]),
    ("DELETE FROM published", &[]),
    ("SELECT * FROM publication", &[RELAY]),
    ("INSERT INTO publication VALUES (1, 1, now())", &[]),
    ("UPDATE publication SET at = at", &[]),
    ("DELETE FROM publication", &[]),
    ("SELECT * FROM relay_row()", &[RELAY]),
    ("SELECT relay_acquire(gen_random_uuid(), '1 s')", &[RELAY]),
    ("SELECT relay_renew(gen_random_uuid(), 1, '1 s')", &[RELAY]),
    (
        "SELECT relay_advance(gen_random_uuid(), 1, '1 s', NULL, 1, NULL, 1)",
        &[RELAY],
    ),
    ("SELECT relay_was_updated()", &[]),
    ("TRUNCATE idempotency_keys", &[]),
    ("LOCK TABLE events IN ACCESS EXCLUSIVE MODE", &[]),
    ("LOCK TABLE log IN EXCLUSIVE MODE", &[]),
    ("CREATE INDEX mine ON events (recorded_at)", &[]),
    (
        "CREATE TRIGGER mine BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        &[],
    ),
    ("ALTER TABLE events OWNER TO CURRENT_USER", &[]),
    ("DROP FUNCTION append_batch", &[]),
    ("ALTER FUNCTION append_batch SECURITY INVOKER", &[]),
    ("COPY events TO PROGRAM 'true'", &[]),
    ("COPY events TO '/tmp/events'", &[]),
    ("SELECT pg_read_file('PG_VERSION')", &[]),
    ("SELECT lo_import('/etc/hostname')", &[]),
    ("SELECT rolpassword FROM pg_authid", &[]),
    ("ALTER ROLE CURRENT_USER SUPERUSER", &[]),
    ("ALTER ROLE CURRENT_USER CREATEDB", &[]),
    ("GRANT marquee_event_store TO CURRENT_USER", &[]),
    ("CREATE TABLE mine ()", &[]),
    ("CREATE TEMPORARY TABLE mine ()", &[]),
    ("CREATE SCHEMA mine", &[]),
    ("SET ROLE marquee_event_store", &[]),
    ("CREATE ROLE mine", &[]),
];

async fn migrated() -> Deployment {
    let deployment = Deployment::create().await;
    let ended = Process::start(deployment.marquee(&["migrate"])).ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    deployment
}

fn code(error: &sqlx::Error) -> Option<String> {
    let code = error.as_database_error()?.code()?;
    Some(code.into_owned())
}

#[tokio::test]
async fn in_the_event_store_each_role_does_its_own_work_and_no_other() {
    let deployment = migrated().await;
    for role in ROLES {
        let url = deployment.url_as("event_store", role);
        let mut connection = PgConnection::connect(&url).await.expect("it may connect");
        for (statement, allowed) in IN_THE_EVENT_STORE {
            let mut transaction = connection.begin().await.expect("a transaction");
            let done = transaction.execute(statement).await;
            if allowed.contains(&role) {
                done.unwrap_or_else(|error| panic!("{role}: {statement}: {error}"));
            } else {
                let refused = done.expect_err(&format!("{role}: {statement}"));
                assert_eq!(
                    code(&refused).as_deref(),
                    Some(REFUSED),
                    "{role}: {statement}: {refused}"
                );
            }
            transaction.rollback().await.expect("rolled back");
        }
    }
}

#[tokio::test]
async fn no_role_enters_a_read_model_but_its_own() {
    let deployment = migrated().await;
    for database in ["users", "movies", "catalog"] {
        let owner = format!("marquee_{database}");
        for role in ROLES {
            let connected = PgConnection::connect(&deployment.url_as(database, role)).await;
            if role == owner {
                let mut connection = connected.expect("it may connect");
                connection
                    .execute("CREATE TABLE mine ()")
                    .await
                    .expect("it owns the database");
                let refused = connection
                    .execute("COPY mine TO PROGRAM 'true'")
                    .await
                    .expect_err("no program");
                assert_eq!(code(&refused).as_deref(), Some(REFUSED), "{refused}");
            } else {
                let refused = connected.expect_err(&format!("{role} in {database}"));
                assert_eq!(
                    code(&refused).as_deref(),
                    Some(REFUSED),
                    "{role} in {database}: {refused}"
                );
            }
        }
    }
}

#[tokio::test]
async fn no_role_has_rights_beyond_its_databases() {
    let deployment = migrated().await;
    let mut superuser = deployment.event_store().await.expect("the event store");
    for role in ROLES {
        let (may_log_in, is_more): (bool, bool) = sqlx::query_as(
            "SELECT rolcanlogin, rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls \
             OR EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid) FROM pg_roles WHERE rolname = $1",
        )
        .bind(role)
        .fetch_one(&mut superuser)
        .await
        .expect("the role");
        assert!(may_log_in && !is_more, "{role}");
    }
    // Who owns the log is nobody who can come in.
    let (owner, may_log_in): (String, bool) = sqlx::query_as(
        "SELECT rolname, rolcanlogin FROM pg_class JOIN pg_roles ON pg_roles.oid = relowner \
         WHERE pg_class.oid = 'events'::regclass",
    )
    .fetch_one(&mut superuser)
    .await
    .expect("the owner");
    assert_eq!((owner.as_str(), may_log_in), ("marquee_event_store", false));
}
