//! Compares the tables of two schemas: contents by count and hash, and where these differ, row by row.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use crate::rebuild::tables::{self, Columns};
use crate::rebuild::verification::{DIFFERENCES_MAX, Difference, TableContent, Verification};

/// Characters of a value that are shown.
const VALUE_LENGTH_MAX: usize = 200;

/// Compares the tables of the schema `new` with those of `old`, if there is one, and notes what it finds.
///
/// # Errors
/// What the database refuses.
pub(crate) async fn compare(
    connection: &mut PgConnection,
    new: &str,
    old: Option<&str>,
    found: &mut Verification,
) -> Result<(), sqlx::Error> {
    let new_tables = tables::of_schema(connection, new).await?;
    let old_tables = match old {
        Some(old) => tables::of_schema(connection, old).await?,
        None => BTreeMap::new(),
    };
    for (table, columns) in &new_tables {
        let before = old_tables.get(table);
        let common: Vec<&str> = match before {
            Some(before) => columns
                .all
                .iter()
                .filter(|name| before.all.contains(name))
                .map(String::as_str)
                .collect(),
            None => columns.all.iter().map(String::as_str).collect(),
        };
        let content = content(connection, new, table, &common).await?;
        if let (Some(old), Some(before)) = (old, before) {
            found.columns_added.extend(only_in(table, columns, before));
            found.columns_removed.extend(only_in(table, before, columns));
            let content_before = self::content(connection, old, table, &common).await?;
            if content != content_before {
                let compared = Compared {
                    new,
                    old,
                    table,
                    columns: &common,
                };
                let key = (!columns.key.is_empty() && columns.key == before.key).then_some(columns.key.as_slice());
                compared.list(connection, key, found).await?;
            }
        } else if old.is_some() {
            found.columns_added.push(format!("{table}.*"));
        }
        found.tables.push(content);
    }
    for table in old_tables.keys().filter(|table| !new_tables.contains_key(*table)) {
        found.columns_removed.push(format!("{table}.*"));
    }
    Ok(())
}

fn only_in<'a>(table: &'a str, these: &'a Columns, those: &'a Columns) -> impl Iterator<Item = String> + 'a {
    let missing = these.all.iter().filter(|column| !those.all.contains(column));
    missing.map(move |column| format!("{table}.{column}"))
}

/// Counts and hashes a table's rows; the sum of the rows' hashes does not depend on their order.
async fn content(
    connection: &mut PgConnection,
    schema: &str,
    table: &str,
    columns: &[&str],
) -> Result<TableContent, sqlx::Error> {
    let columns = columns.join(", ");
    let statement = format!(
        "SELECT count(*), left(md5(coalesce(sum(hashtextextended(ROW({columns})::text, 0)), 0)::text), 16) \
         FROM {schema}.{table}"
    );
    let (rows, content_hash) = sqlx::query_as(&statement).fetch_one(connection).await?;
    Ok(TableContent {
        table: table.to_owned(),
        rows,
        content_hash,
    })
}

/// A table that two schemas have, with the columns that are compared.
struct Compared<'a> {
    new: &'a str,
    old: &'a str,
    table: &'a str,
    columns: &'a [&'a str],
}

impl Compared<'_> {
    /// Notes how many differences there are, and the first of them.
    async fn list(
        &self,
        connection: &mut PgConnection,
        key: Option<&[String]>,
        found: &mut Verification,
    ) -> Result<(), sqlx::Error> {
        let differences = match key {
            Some(key) => self.by_key(key),
            None => self.by_row(),
        };
        let room = DIFFERENCES_MAX - found.differences.len() as i64;
        let statement = format!(
            "WITH difference AS ({differences}) \
             SELECT '{table}' AS \"table\", left(key, {VALUE_LENGTH_MAX}) AS key, \"column\", left(old, {VALUE_LENGTH_MAX}) AS old, \
             left(new, {VALUE_LENGTH_MAX}) AS new, count(*) OVER () AS total FROM difference \
             ORDER BY key COLLATE \"C\", \"column\" COLLATE \"C\" LIMIT greatest($1, 1)",
            table = self.table.replace('\'', "''"),
        );
        let rows: Vec<Counted> = sqlx::query_as(&statement).bind(room).fetch_all(connection).await?;
        found.differences_total += rows.first().map_or(0, |row| row.total);
        let room = usize::try_from(room).unwrap_or(0);
        found
            .differences
            .extend(rows.into_iter().take(room).map(|row| row.difference));
        Ok(())
    }

    /// Value by value in rows of the same key.
    fn by_key(&self, key: &[String]) -> String {
        let Self { new, old, table, .. } = self;
        let of = |side: &str, columns: &[&str]| {
            let columns: Vec<String> = columns.iter().map(|column| format!("{side}.{column}")).collect();
            columns.join(", ")
        };
        let on: Vec<String> = key.iter().map(|column| format!("n.{column} = o.{column}")).collect();
        let keys: Vec<&str> = key.iter().map(String::as_str).collect();
        let (new_row, old_row) = (of("n", self.columns), of("o", self.columns));
        let values: Vec<String> = self
            .columns
            .iter()
            .map(|column| {
                let name = column.replace('\'', "''");
                // Columns have collations of their own, and the values of several stand in one column here.
                format!("('{name}', o.{column}::text COLLATE \"C\", n.{column}::text COLLATE \"C\")")
            })
            .collect();
        let first = &key[0];
        let key_text = |side: &str| match keys.as_slice() {
            [only] => format!("{side}.{only}::text"),
            several => format!("ROW({})::text", of(side, several)),
        };
        format!(
            "SELECT {new_key} AS key, value.name AS \"column\", value.old, value.new \
             FROM {new}.{table} n JOIN {old}.{table} o ON {on}, \
             LATERAL (VALUES {values}) AS value (name, old, new) \
             WHERE ROW({new_row}) IS DISTINCT FROM ROW({old_row}) AND value.old IS DISTINCT FROM value.new \
             UNION ALL \
             SELECT CASE WHEN o.{first} IS NULL THEN {new_key} ELSE {old_key} END, '*', \
             CASE WHEN o.{first} IS NOT NULL THEN ROW({old_row})::text END, \
             CASE WHEN n.{first} IS NOT NULL THEN ROW({new_row})::text END \
             FROM {new}.{table} n FULL JOIN {old}.{table} o ON {on} WHERE n.{first} IS NULL OR o.{first} IS NULL",
            new_key = key_text("n"),
            old_key = key_text("o"),
            on = on.join(" AND "),
            values = values.join(", "),
        )
    }

    /// Row by row, where no key tells which belong together.
    fn by_row(&self) -> String {
        let Self { new, old, table, .. } = self;
        let columns = self.columns.join(", ");
        let rows = |schema: &str| format!("SELECT ROW({columns})::text AS row FROM {schema}.{table}");
        let (new, old) = (rows(new), rows(old));
        format!(
            "SELECT row AS key, '*' AS \"column\", NULL AS old, row AS new FROM ({new} EXCEPT ALL {old}) AS added \
             UNION ALL SELECT row, '*', row, NULL FROM ({old} EXCEPT ALL {new}) AS removed"
        )
    }
}

#[derive(sqlx::FromRow)]
struct Counted {
    #[sqlx(flatten)]
    difference: Difference,
    total: i64,
}
