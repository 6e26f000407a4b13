//! Each projection's database belongs to its role alone, and its role can only read the log.

use projections::{Name, migrate};
use sqlx::{Connection, Executor, PgConnection};

use crate::log::PASSWORD;
use crate::stack::Stack;

fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(|error| error.code()).map(Into::into)
}

#[tokio::test]
async fn the_database_of_a_projection_is_closed_to_the_other_roles() {
    let stack = Stack::start().await;
    for role in event_store::ROLES
        .into_iter()
        .filter(|role| *role != Name::Catalog.role())
    {
        let refusal = PgConnection::connect(&stack.database.url_as(role, PASSWORD))
            .await
            .expect_err("no way in");
        assert_eq!(sqlstate(&refusal).as_deref(), Some("42501"), "{role}");
    }
}

#[tokio::test]
async fn the_role_of_a_projection_makes_schemas_in_its_own_database_and_changes_nothing_in_the_log() {
    let stack = Stack::start().await;
    stack.append("m-1").await;
    let role = Name::Catalog.role();
    let mut own = PgConnection::connect(&stack.database.url_as(role, PASSWORD))
        .await
        .expect("its own database");
    own.execute("CREATE SCHEMA catalog_g7; CREATE TABLE catalog_g7.movies (id text)")
        .await
        .expect("a generation");
    let mut log = PgConnection::connect(&stack.log_database.url_as(role, PASSWORD))
        .await
        .expect("the log");
    log.execute("SELECT * FROM events, log").await.expect("reading");
    for change in [
        "DELETE FROM events",
        "UPDATE events SET payload = '{}'",
        "UPDATE log SET log_id = log_id",
    ] {
        let refusal = log.execute(change).await.expect_err("read-only");
        assert_eq!(sqlstate(&refusal).as_deref(), Some("42501"), "{change}");
    }
}

#[tokio::test]
async fn migrating_again_and_at_the_same_time_changes_nothing() {
    let stack = Stack::start().await;
    let url = stack.database.url().parse().expect("a url");
    let (one, other) = tokio::join!(migrate(Name::Catalog, &url), migrate(Name::Catalog, &url));
    one.expect("again");
    other.expect("and again");
}
