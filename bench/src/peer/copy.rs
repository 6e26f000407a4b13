//! The floor of a rebuild: the log copied out, and the read model's rows copied into fresh tables with the same indexes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use projections::{Name, Projection};
use service::BoxError;
use sqlx::postgres::PgPoolCopyExt as _;
use sqlx::{Connection, Executor, PgConnection, PgPool};

const SCHEMA: &str = "bench_copy";
const COPY_BYTES: usize = 256 * 1024;

/// The rows of a read model, in COPY's binary format.
pub(crate) struct ReadModel {
    pool: PgPool,
    projection: Arc<dyn Projection>,
    tables: Vec<Table>,
}

struct Table {
    name: String,
    columns: String,
    rows: Vec<u8>,
}

impl ReadModel {
    /// Takes the rows of the live generation.
    pub(crate) async fn take(name: Name, database_url: &str) -> Result<Self, BoxError> {
        let pool = PgPool::connect(database_url).await?;
        let generation: i64 = sqlx::query_scalar("SELECT generation FROM projection")
            .fetch_one(&pool)
            .await?;
        let schema = format!("{}_g{generation}", name.as_str());
        let columns: Vec<(String, String)> = sqlx::query_as(
            "SELECT c.relname::text, string_agg(a.attname, ', ' ORDER BY a.attnum) \
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
             WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND c.relkind = 'r' \
             AND c.relname <> 'parked_events' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' \
             GROUP BY c.relname",
        )
        .bind(&schema)
        .fetch_all(&pool)
        .await?;
        let mut tables = Vec::new();
        for (name, columns) in columns {
            let statement =
                format!("COPY (SELECT {columns} FROM {schema}.{name} ORDER BY id) TO STDOUT (FORMAT binary)");
            let chunks = pool.copy_out_raw(&statement).await?;
            let rows = chunks
                .try_fold(Vec::new(), async |mut rows, chunk| {
                    rows.extend_from_slice(&chunk);
                    Ok(rows)
                })
                .await?;
            tables.push(Table { name, columns, rows });
        }
        Ok(Self {
            pool,
            projection: name.projection(),
            tables,
        })
    }

    /// Copies the log out and the rows in, and tells how long that took.
    pub(crate) async fn copy(&self, event_store_url: &str) -> Result<Duration, BoxError> {
        self.remove().await?;
        let began = Instant::now();
        read_log(event_store_url).await?;
        let mut connection = self.pool.acquire().await?;
        let mut tx = connection.begin().await?;
        tx.execute(format!("CREATE SCHEMA {SCHEMA}; SET LOCAL search_path = {SCHEMA}, public").as_str())
            .await?;
        tx.execute(self.projection.schema()).await?;
        for Table { name, columns, rows } in &self.tables {
            let statement = format!("COPY {name} ({columns}) FROM STDIN (FORMAT binary)");
            let mut copying = tx.copy_in_raw(&statement).await?;
            for chunk in rows.chunks(COPY_BYTES) {
                copying.send(chunk).await?;
            }
            copying.finish().await?;
        }
        tx.execute(self.projection.indexes()).await?;
        tx.commit().await?;
        let took = began.elapsed();
        self.remove().await?;
        Ok(took)
    }

    async fn remove(&self) -> Result<(), BoxError> {
        let statement = format!("DROP SCHEMA IF EXISTS {SCHEMA} CASCADE");
        self.pool.execute(statement.as_str()).await?;
        Ok(())
    }
}

async fn read_log(event_store_url: &str) -> Result<(), BoxError> {
    let mut connection = PgConnection::connect(event_store_url).await?;
    let statement = "COPY (SELECT * FROM events ORDER BY position) TO STDOUT (FORMAT binary)";
    let mut chunks = connection.copy_out_raw(statement).await?;
    while chunks.try_next().await?.is_some() {}
    drop(chunks);
    Ok(connection.close().await?)
}
