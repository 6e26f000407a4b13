//! Logs of their own for tests, and the roles that read them.

use dev_stack::TestDatabase;
use service::database;
use sqlx::{Connection, PgConnection};
use tokio::sync::OnceCell;

pub(crate) const PASSWORD: &str = "test";

/// Makes an empty log.
pub(crate) async fn log_database() -> TestDatabase {
    make_roles().await;
    TestDatabase::create_built("projections_log", async |url: String| {
        let mut admin = PgConnection::connect(&url).await.expect("the log's database");
        event_store::migrate(&mut admin).await
    })
    .await
}

/// Roles belong to the whole server and stay.
pub(crate) async fn make_roles() {
    static MADE: OnceCell<()> = OnceCell::const_new();
    MADE.get_or_init(|| async {
        let servers = dev_stack::for_tests().await;
        let mut admin = PgConnection::connect(servers.database_url())
            .await
            .expect("the database server");
        for role in event_store::ROLES {
            database::ensure_role(&mut admin, role, Some(PASSWORD))
                .await
                .expect("a role");
        }
    })
    .await;
}
