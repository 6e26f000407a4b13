//! Who owns what in a projection's database, and who may enter it: put right by each migration, and audited.
//!
//! A dump that is restored without its owners, without its rights, or into a database that somebody else made has the rows and
//! not what keeps others from them; and its own role may do nothing with what is not its own.

use sqlx::PgConnection;

/// What is not as it must be: a code, and where. `$1` is the projection's role.
const WRONG: &str = r"
WITH other (role) AS (
    SELECT role FROM (VALUES ('marquee_command_api'), ('marquee_event_relay'), ('marquee_users'), ('marquee_movies'),
        ('marquee_catalog')) AS service (role) WHERE role <> $1 AND to_regrole(role) IS NOT NULL
), own_schemas AS (
    SELECT n.* FROM pg_namespace n WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
), owned (kind, name, owner) AS (
    SELECT 'schema', quote_ident(n.nspname), n.nspowner FROM own_schemas n WHERE n.nspname <> 'public'
    UNION ALL
    SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'table' END,
        format('%I.%I', n.nspname, c.relname), c.relowner
    FROM pg_class c JOIN own_schemas n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S')
        -- A table takes its own sequences along, and an extension is of who made it.
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass
            AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i')))
    UNION ALL
    SELECT 'routine', p.oid::regprocedure::text, p.proowner
    FROM pg_proc p JOIN own_schemas n ON n.oid = p.pronamespace
    WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e')
    UNION ALL
    SELECT 'type', format('%I.%I', n.nspname, t.typname), t.typowner
    FROM pg_type t JOIN own_schemas n ON n.oid = t.typnamespace
    WHERE t.typtype IN ('e', 'd')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.classid = 'pg_type'::regclass AND d.deptype = 'e')
)
SELECT 'OWNER_WRONG' AS code, 'the database is owned by ' || pg_get_userbyid(d.datdba) AS place, NULL AS kind, NULL AS name
FROM pg_database d WHERE d.datname = current_database() AND d.datdba <> to_regrole($1)
UNION ALL
SELECT 'OWNER_WRONG', format('the %s %s is owned by %s', kind, name, pg_get_userbyid(owner)), kind, name
FROM owned WHERE owner <> to_regrole($1)
UNION ALL
SELECT 'PRIVILEGE_MISSING', format('%s: %s on the schema public', $1, privilege), NULL, NULL
FROM (VALUES ('USAGE'), ('CREATE')) AS wanted (privilege) WHERE NOT has_schema_privilege($1, 'public', privilege)
UNION ALL
SELECT 'PRIVILEGE_TOO_MUCH', format('%s: CONNECT on the database', role), NULL, NULL
FROM (SELECT 'public' AS role UNION ALL SELECT role FROM other) AS stranger
WHERE has_database_privilege(role, current_database(), 'CONNECT')
UNION ALL
SELECT 'PRIVILEGE_TOO_MUCH', 'public: CREATE on the schema public', NULL, NULL
WHERE has_schema_privilege('public', 'public', 'CREATE')
ORDER BY 1, 2";

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct WrongPrivilege {
    /// `OWNER_WRONG`, `PRIVILEGE_MISSING` or `PRIVILEGE_TOO_MUCH`.
    pub code: String,
    /// Where, in words.
    pub place: String,
    /// What kind of thing has the wrong owner, as `ALTER` names it; none for the database.
    kind: Option<String>,
    /// Its name, quoted where that is needed.
    name: Option<String>,
}

/// Finds what is not as it must be for a projection's role.
pub(crate) async fn wrong(connection: &mut PgConnection, role: &str) -> Result<Vec<WrongPrivilege>, sqlx::Error> {
    sqlx::query_as(WRONG).bind(role).fetch_all(connection).await
}

/// Hands the database and everything in it to its role, and closes it to everybody else; where all is as it must be, no lock is
/// taken.
pub(crate) async fn put_right(connection: &mut PgConnection, role: &str) -> Result<(), sqlx::Error> {
    let wrong = wrong(connection, role).await?;
    if wrong.is_empty() {
        return Ok(());
    }
    let database: String = sqlx::query_scalar("SELECT quote_ident(current_database())")
        .fetch_one(&mut *connection)
        .await?;
    let mut statements = vec![
        format!("ALTER DATABASE {database} OWNER TO {role}"),
        format!(
            "REVOKE ALL ON DATABASE {database} FROM PUBLIC, marquee_command_api, marquee_event_relay, marquee_users, \
             marquee_movies, marquee_catalog"
        ),
        format!("GRANT ALL ON DATABASE {database} TO {role}"),
        "REVOKE ALL ON SCHEMA public FROM PUBLIC".to_owned(),
        format!("GRANT ALL ON SCHEMA public TO {role}"),
    ];
    statements.extend(wrong.iter().filter_map(|wrong| {
        let (kind, name) = (wrong.kind.as_ref()?, wrong.name.as_ref()?);
        Some(format!("ALTER {kind} {name} OWNER TO {role}"))
    }));
    sqlx::raw_sql(&statements.join(";\n"))
        .execute(connection)
        .await
        .map(drop)
}
