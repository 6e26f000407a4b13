//! Who owns what in the event store, and who may do what: put right by each migration, and audited.
//!
//! A dump that is restored without its owners, without its rights, or into a database that somebody else made has the data and
//! not what defends it. The append function runs as its owner: owned by another role it may do too much, or nothing.

use sqlx::{Acquire, Executor, PgConnection};

use crate::audit::{AuditError, AuditedPart, Finding};

/// Serialises those who put rights in order: of two changes of one object at the same time PostgreSQL refuses one.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7811887390310295120)";

/// What is not as it must be: a code, and where.
const WRONG: &str = r"
WITH service (role) AS (
    VALUES ('marquee_command_api'), ('marquee_event_relay'), ('marquee_users'), ('marquee_movies'), ('marquee_catalog')
), wanted (role, privilege, relation) AS (
    SELECT role, 'SELECT', relation FROM service, (VALUES ('log'), ('events')) AS read (relation)
    UNION ALL VALUES
    ('marquee_command_api', 'SELECT', 'idempotency_keys'), ('marquee_command_api', 'DELETE', 'idempotency_keys'),
    ('marquee_event_relay', 'SELECT', 'relay'), ('marquee_event_relay', 'UPDATE', 'relay'),
    ('marquee_event_relay', 'SELECT', 'published'), ('marquee_event_relay', 'INSERT', 'published'),
    ('marquee_event_relay', 'UPDATE', 'published'), ('marquee_event_relay', 'SELECT', 'publication')
), told (role, of_column) AS (
    SELECT 'marquee_event_relay', unnest('{principal,status,location,sequence,position,recorded_at}'::text[])
), executed (role, function) AS (
    VALUES ('marquee_command_api', 'append'), ('marquee_command_api', 'append_batch'),
    ('marquee_event_relay', 'relay_row'), ('marquee_event_relay', 'relay_acquire'),
    ('marquee_event_relay', 'relay_renew'), ('marquee_event_relay', 'relay_advance')
), relations AS (
    SELECT c.* FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> '_sqlx_migrations'
), functions AS (
    SELECT p.* FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
)
SELECT 'ROLE_MISSING', s.role FROM service s WHERE to_regrole(s.role) IS NULL
UNION ALL
SELECT 'PRIVILEGE_MISSING', format('%s: CONNECT on the database', s.role)
FROM service s WHERE NOT has_database_privilege(to_regrole(s.role), current_database(), 'CONNECT')
UNION ALL
SELECT 'PRIVILEGE_MISSING', format('%s: USAGE on the schema public', s.role)
FROM service s WHERE NOT has_schema_privilege(to_regrole(s.role), 'public', 'USAGE')
UNION ALL
SELECT 'PRIVILEGE_MISSING', format('%s: %s on %s', w.role, w.privilege, w.relation)
FROM wanted w JOIN relations c ON c.relname = w.relation
WHERE NOT has_table_privilege(to_regrole(w.role), c.oid, w.privilege)
UNION ALL
SELECT 'PRIVILEGE_MISSING', format('%s: SELECT (%s) on idempotency_keys', t.role, t.of_column)
FROM told t JOIN relations c ON c.relname = 'idempotency_keys'
WHERE NOT has_column_privilege(to_regrole(t.role), c.oid, t.of_column, 'SELECT')
UNION ALL
SELECT 'PRIVILEGE_MISSING', format('%s: EXECUTE on %s', x.role, x.function)
FROM executed x JOIN functions p ON p.proname = x.function
WHERE NOT has_function_privilege(to_regrole(x.role), p.oid, 'EXECUTE')
UNION ALL
SELECT 'PRIVILEGE_TOO_MUCH', format('%s: %s on %s', s.role, unwanted.privilege, c.relname)
FROM service s, relations c, (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS unwanted (privilege)
WHERE c.relname IN ('log', 'events') AND has_table_privilege(to_regrole(s.role), c.oid, unwanted.privilege)
UNION ALL
SELECT 'PRIVILEGE_TOO_MUCH', format('PUBLIC: EXECUTE on %s', p.proname)
FROM functions p JOIN executed x ON x.function = p.proname AND x.role = 'marquee_command_api'
WHERE has_function_privilege('public', p.oid, 'EXECUTE')
UNION ALL
SELECT 'OWNER_WRONG', format('%s is owned by %s', c.relname, pg_get_userbyid(c.relowner))
FROM relations c WHERE c.relowner IS DISTINCT FROM to_regrole('marquee_event_store')
UNION ALL
SELECT 'OWNER_WRONG', format('the function %s is owned by %s', p.proname, pg_get_userbyid(p.proowner))
FROM functions p WHERE p.proowner IS DISTINCT FROM to_regrole('marquee_event_store')
UNION ALL
SELECT 'NOT_DEFINER', format('the function %s does not run as its owner', p.proname)
FROM functions p JOIN executed x ON x.function = p.proname AND x.role = 'marquee_command_api'
WHERE NOT p.prosecdef
ORDER BY 1, 2";

/// Gives what is missing and takes what is too much. Owners first: what an owner may do, a change of the owner takes along.
const PUT_RIGHT: &str = r"
DO $$
DECLARE
    wrong record;
BEGIN
    FOR wrong IN
        SELECT c.oid::regclass AS name FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> '_sqlx_migrations'
            AND c.relowner <> 'marquee_event_store'::regrole
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO marquee_event_store', wrong.name);
    END LOOP;
    FOR wrong IN
        SELECT p.oid::regprocedure AS name FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.proowner <> 'marquee_event_store'::regrole
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO marquee_event_store', wrong.name);
    END LOOP;
    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I TO marquee_command_api, marquee_event_relay, marquee_users, marquee_movies, '
        'marquee_catalog', current_database()
    );
    IF to_regclass('publication') IS NOT NULL THEN
        GRANT SELECT ON publication TO marquee_event_relay;
    END IF;
    FOR wrong IN
        SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
            AND p.proname IN ('relay_row', 'relay_acquire', 'relay_renew', 'relay_advance')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', wrong.name);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO marquee_event_relay', wrong.name);
    END LOOP;
END $$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO
    marquee_event_store, marquee_command_api, marquee_event_relay, marquee_users, marquee_movies, marquee_catalog;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON log, events FROM
    PUBLIC, marquee_command_api, marquee_event_relay, marquee_users, marquee_movies, marquee_catalog;
GRANT SELECT ON log, events TO
    marquee_command_api, marquee_event_relay, marquee_users, marquee_movies, marquee_catalog;
GRANT SELECT, DELETE ON idempotency_keys TO marquee_command_api;
GRANT SELECT (principal, status, location, sequence, position, recorded_at) ON idempotency_keys TO marquee_event_relay;
GRANT SELECT, UPDATE ON relay TO marquee_event_relay;
GRANT SELECT, INSERT, UPDATE ON published TO marquee_event_relay;
REVOKE ALL ON FUNCTION append, append_batch FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append, append_batch TO marquee_command_api";

/// Puts owners and privileges in order, where they are not. The lock that a change of an owner takes is not taken for nothing.
///
/// # Errors
/// What the database says; nothing has changed then.
pub(crate) async fn put_right(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin().await?;
    tx.execute(LOCK).await?;
    if !wrong(&mut tx).await?.is_empty() {
        tx.execute(sqlx::raw_sql(PUT_RIGHT)).await?;
    }
    tx.commit().await
}

async fn wrong(connection: &mut PgConnection) -> Result<Vec<(String, String)>, sqlx::Error> {
    sqlx::query_as(WRONG).fetch_all(connection).await
}

/// Audits owners and privileges; `marquee migrate` puts right what is found. A copy that nobody serves from needs none of them.
///
/// # Errors
/// [`AuditError::Database`]: then nothing is known.
pub async fn audit_privileges(connection: &mut PgConnection) -> Result<AuditedPart, AuditError> {
    let mut findings: Vec<Finding> = Vec::new();
    for (code, place) in wrong(connection).await? {
        let (code, what) = match code.as_str() {
            "ROLE_MISSING" => ("ROLE_MISSING", "a role of a service is not there"),
            "PRIVILEGE_MISSING" => (
                "PRIVILEGE_MISSING",
                "a service may not do what it has to; marquee migrate grants it",
            ),
            "PRIVILEGE_TOO_MUCH" => (
                "PRIVILEGE_TOO_MUCH",
                "somebody may do what nobody should; marquee migrate revokes it",
            ),
            "OWNER_WRONG" => (
                "OWNER_WRONG",
                "the owner is not marquee_event_store; marquee migrate gives it back",
            ),
            _ => (
                "APPEND_NOT_DEFINER",
                "the append function has not the rights of its owner",
            ),
        };
        match findings.last_mut().filter(|finding| finding.code == code) {
            Some(finding) => finding.at(place, 1),
            None => {
                let mut finding = Finding::violation(code, what);
                finding.at(place, 1);
                findings.push(finding);
            }
        }
    }
    Ok(AuditedPart {
        name: "privileges",
        checked: "owners, what each role may do, and what nobody may".to_owned(),
        findings,
    })
}
