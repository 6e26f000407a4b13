//! Roles and databases of a deployment, made when they are missing; safe to run again and at the same time.

use sqlx::{Connection, Executor, PgConnection};

/// Serialises provisioning: roles and databases are rows of shared catalogs, and two sessions that change
/// one at the same time fail with "tuple concurrently updated". Holds among sessions on one database.
const LOCK: i64 = i64::from_be_bytes(*b"\0marquee");

/// Waiting for another process's provisioning, and copying a template database, take longer than a query may.
const PATIENCE: &str = "60s";

/// The password travels as a parameter into a setting of the transaction: statement text ends up in logs.
const MAKE_ROLE: &str = r"
DO $$
DECLARE
    role_name text := current_setting('marquee.role');
    role_password text := current_setting('marquee.password');
BEGIN
    -- The lock of a shared catalog holds among all databases of the server, but only a superuser may take it.
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        LOCK TABLE pg_catalog.pg_authid IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
        EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', role_name);
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = role_name AND (rolsuper OR NOT rolcanlogin)) THEN
        EXECUTE format('ALTER ROLE %I LOGIN NOSUPERUSER', role_name);
    END IF;
    IF role_password <> '' THEN
        EXECUTE format('ALTER ROLE %I PASSWORD %L', role_name, role_password);
    END IF;
    EXECUTE format('ALTER ROLE %I SET default_transaction_isolation = %L', role_name, 'read committed');
    EXECUTE format('ALTER ROLE %I SET synchronous_commit = %L', role_name, 'on');
END $$";

/// Makes sure that a service's role exists: it may log in, is no superuser, and has the isolation level and the
/// durability that the event store relies on pinned. With a password, the role has that one afterwards.
///
/// An `admin` that is no superuser must be connected to the same database in all processes that may run this at the
/// same time.
///
/// # Errors
/// Whatever the database refuses.
pub async fn ensure_role(admin: &mut PgConnection, role: &str, password: Option<&str>) -> Result<(), sqlx::Error> {
    let mut tx = admin.begin().await?;
    be_patient(&mut tx, PATIENCE, PATIENCE, true).await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *tx)
        .await?;
    sqlx::query("SELECT set_config('marquee.role', $1, true), set_config('marquee.password', $2, true)")
        .bind(role)
        .bind(password.unwrap_or_default())
        .execute(&mut *tx)
        .await?;
    tx.execute(MAKE_ROLE).await?;
    tx.commit().await
}

/// Makes sure that a database exists, in UTF-8, and that only roles with an explicit grant may use it.
///
/// `admin` must be connected to the same database in all processes that may run this at the same time.
///
/// # Errors
/// Whatever the database refuses.
pub async fn ensure_database(admin: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    let (locks, statements): (String, String) =
        sqlx::query_as("SELECT current_setting('lock_timeout'), current_setting('statement_timeout')")
            .fetch_one(&mut *admin)
            .await?;
    // CREATE DATABASE runs in no transaction, so the settings are the session's.
    be_patient(admin, PATIENCE, PATIENCE, false).await?;
    let made = match lock(admin).await {
        Ok(()) => {
            let made = make_database(admin, name).await;
            made.and(unlock(admin).await)
        }
        Err(error) => Err(error),
    };
    made.and(be_patient(admin, &locks, &statements, false).await)
}

/// Sets how long locks are waited for and statements may take, in the transaction or in the session.
async fn be_patient(
    admin: &mut PgConnection,
    locks: &str,
    statements: &str,
    in_transaction: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT set_config('lock_timeout', $1, $3), set_config('statement_timeout', $2, $3)")
        .bind(locks)
        .bind(statements)
        .bind(in_transaction)
        .execute(admin)
        .await
        .map(drop)
}

/// CREATE DATABASE runs in no transaction, so the lock is the session's.
async fn lock(admin: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(admin)
        .await
        .map(|_locked| ())
}

async fn unlock(admin: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(LOCK)
        .execute(admin)
        .await
        .map(|_unlocked| ())
}

async fn make_database(admin: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    // CREATE is not the public's in any version; TEMPORARY and CONNECT are, by default.
    let (quoted, is_open): (String, Option<bool>) = sqlx::query_as(
        "SELECT format('%I', $1), (SELECT has_database_privilege('public', oid, 'CREATE, TEMPORARY, CONNECT') \
         FROM pg_database WHERE datname = $1)",
    )
    .bind(name)
    .fetch_one(&mut *admin)
    .await?;
    if is_open.is_none() {
        let create = format!("CREATE DATABASE {quoted} ENCODING 'UTF8' TEMPLATE template0");
        admin.execute(create.as_str()).await?;
    }
    // Only where there is something to take away: another process may be migrating a database that is closed, and changes its
    // privileges then. PostgreSQL lets only one of two at the same time succeed.
    if is_open.unwrap_or(true) {
        let revoke = format!("REVOKE ALL ON DATABASE {quoted} FROM PUBLIC");
        admin.execute(revoke.as_str()).await?;
    }
    Ok(())
}
