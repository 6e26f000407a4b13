//! The four databases of a deployment.

use dev_stack::testing::TestDatabase;
use event_store::ROLES;
use projections::Name;
use service::database::{DatabaseUrl, ensure_role};
use sqlx::{Connection, PgConnection};

const PASSWORD: &str = "test";

/// The event store and a database for each projection, migrated and empty.
pub struct Databases {
    /// The log.
    pub event_store: TestDatabase,
    projections: Vec<(Name, TestDatabase)>,
}

impl Databases {
    /// Makes them on the servers that all tests share.
    pub async fn create() -> Self {
        let event_store = TestDatabase::create_built("e2e_event_store", migrate_event_store).await;
        let mut projections = Vec::new();
        for name in Name::ALL {
            let migrate = async |url: String| projections::migrate(name, &parsed(&url)).await;
            let database = TestDatabase::create_built(&format!("e2e_{}", name.as_str()), migrate).await;
            // A copy of a database belongs to who copied it; this hands it over again.
            migrate(database.url()).await.expect("handed over");
            projections.push((name, database));
        }
        Self {
            event_store,
            projections,
        }
    }

    /// Makes them on a server of the test's own, named by the url of its superuser.
    pub async fn create_on(server_url: &str) -> Self {
        let event_store = TestDatabase::create_on(server_url, "event_store").await;
        migrate_event_store(event_store.url()).await.expect("migrated");
        let mut projections = Vec::new();
        for name in Name::ALL {
            let database = TestDatabase::create_on(server_url, name.as_str()).await;
            projections::migrate(name, &parsed(&database.url()))
                .await
                .expect("migrated");
            projections.push((name, database));
        }
        Self {
            event_store,
            projections,
        }
    }

    /// The event store, as a role.
    pub fn event_store_url(&self, role: &str) -> DatabaseUrl {
        parsed(&self.event_store.url_as(role, PASSWORD))
    }

    /// A projection's database.
    pub fn projection(&self, name: Name) -> &TestDatabase {
        let found = self.projections.iter().find(|(found, _)| *found == name);
        &found.expect("there is one for each").1
    }

    /// A projection's database, as its role.
    pub fn projection_url(&self, name: Name) -> DatabaseUrl {
        parsed(&self.projection(name).url_as(name.role(), PASSWORD))
    }
}

fn parsed(url: &str) -> DatabaseUrl {
    url.parse().expect("the url of a database")
}

async fn migrate_event_store(url: String) -> Result<(), Box<dyn std::error::Error>> {
    let mut owner = PgConnection::connect(&url).await?;
    for role in ROLES {
        ensure_role(&mut owner, role, Some(PASSWORD)).await?;
    }
    event_store::migrate(&mut owner).await?;
    Ok(owner.close().await?)
}
