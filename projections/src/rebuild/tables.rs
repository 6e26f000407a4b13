//! The tables of a schema and their columns, as the database knows them.

use std::collections::BTreeMap;

use sqlx::PgConnection;

/// A generation's own table, which is no content.
const PARKED_EVENTS: &str = "parked_events";

/// A table's columns, without those that the database makes by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    /// In the order of the table.
    pub(crate) all: Vec<String>,
    /// The primary key.
    pub(crate) key: Vec<String>,
}

/// Reads the tables of a schema with their columns. Generated columns follow from others, and an identity column counts what
/// was inserted: neither says anything of the log.
pub(crate) async fn of_schema(
    connection: &mut PgConnection,
    schema: &str,
) -> Result<BTreeMap<String, Columns>, sqlx::Error> {
    let rows: Vec<(String, String, bool)> = sqlx::query_as(
        "SELECT c.relname::text, format('%I', a.attname), coalesce(a.attnum = ANY(i.indkey), false) \
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
         LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary \
         WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND c.relkind = 'r' \
           AND c.relname <> $2 AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = '' \
         ORDER BY c.relname, a.attnum",
    )
    .bind(schema)
    .bind(PARKED_EVENTS)
    .fetch_all(connection)
    .await?;
    let mut tables = BTreeMap::<String, Columns>::new();
    for (table, column, is_key) in rows {
        let columns = tables.entry(table).or_default();
        if is_key {
            columns.key.push(column.clone());
        }
        columns.all.push(column);
    }
    Ok(tables)
}
