//! Bare inserts of the same event: one row in each transaction, prepared, over connections of their own.

use std::time::Duration;

use domain::UserEvent;
use futures::future::try_join_all;
use service::BoxError;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::closed_loop::{Worker, closed_loop};
use crate::history::{email, id, metadata, name};
use crate::sample::Sample;

/// The columns of an event, and the least index a table can have.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS bare_event (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    sequence bigint NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    event_version text NOT NULL,
    payload jsonb NOT NULL,
    metadata jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
)";

const INSERT: &str = "INSERT INTO bare_event
    (aggregate_type, aggregate_id, sequence, event_id, event_type, event_version, payload, metadata)
    VALUES ('user', $1, 1, $2, 'user.created', '1', $3::text::jsonb, $4::text::jsonb)";

/// A connection and how many rows it has inserted.
pub(crate) struct Insert {
    connection: PgConnection,
    metadata: String,
    rows: i64,
}

impl Insert {
    /// Connects to a database that has the table.
    pub(crate) async fn open(database_url: &str) -> Result<Self, BoxError> {
        Ok(Self {
            connection: PgConnection::connect(database_url).await?,
            metadata: metadata(),
            rows: 0,
        })
    }
}

/// Makes the table if it is missing.
pub(crate) async fn make_table(database_url: &str) -> Result<(), BoxError> {
    let mut connection = PgConnection::connect(database_url).await?;
    connection.execute(TABLE).await?;
    Ok(connection.close().await?)
}

/// Loops on so many connections.
pub(crate) async fn run(database_url: &str, connections: usize, duration: Duration) -> Result<Sample, BoxError> {
    let inserts = try_join_all((0..connections).map(|_| Insert::open(database_url))).await?;
    let (sample, _inserts) = closed_loop(inserts, duration).await?;
    Ok(sample)
}

impl Worker for Insert {
    async fn work(&mut self) -> Result<(), BoxError> {
        self.rows += 1;
        let event = UserEvent::Created {
            full_name: name(self.rows),
            email: Some(email(self.rows)),
        };
        sqlx::query(INSERT)
            .bind(id(self.rows))
            .bind(Uuid::now_v7())
            .bind(serde_json::to_string(&event)?)
            .bind(&self.metadata)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }
}
