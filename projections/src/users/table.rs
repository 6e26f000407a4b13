//! The users table: how rows are written.

use sqlx::PgConnection;

use super::row::UserRow;
use crate::Generation;
use crate::row::copy::CopyRows;
use crate::row::{Table, json_texts};
use crate::search::text::Searched;

impl Table for UserRow {
    const NAME: &'static str = "users";
    const COLUMNS: &'static str = "id, full_name, email, roles, created_at, updated_at, last_login_at, sequence, gone";
    const DERIVED: &'static str = ", search_key, search_names";

    fn copy(&self, rows: &mut CopyRows) -> Result<(), sqlx::Error> {
        let searched = self.searched();
        rows.row(11)
            .field(self.id.as_str())?
            .field(self.full_name.as_str())?
            .field(self.email.as_deref())?
            .field(&self.roles)?
            .field(self.created_at)?
            .field(self.updated_at)?
            .field(self.last_login_at)?
            .field(self.sequence)?
            .field(self.gone)?
            .field(searched.key)?
            .field(searched.names)?;
        Ok(())
    }

    async fn store(tx: &mut PgConnection, generation: &Generation, rows: &[Self]) -> Result<(), sqlx::Error> {
        let statement = format!(
            "INSERT INTO {generation}.users \
             (id, full_name, email, roles, created_at, updated_at, last_login_at, sequence, gone, search_key, search_names) \
             SELECT id, full_name, email, ARRAY(SELECT json_array_elements_text(roles::json)), created_at, updated_at, \
             last_login_at, sequence, gone, search_key, search_names::tsvector \
             FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], \
             $7::timestamptz[], $8::bigint[], $9::boolean[], $10::text[], $11::text[]) \
             AS new (id, full_name, email, roles, created_at, updated_at, last_login_at, sequence, gone, search_key, search_names) \
             ON CONFLICT (id) DO UPDATE SET full_name = excluded.full_name, email = excluded.email, \
             roles = excluded.roles, created_at = excluded.created_at, updated_at = excluded.updated_at, \
             last_login_at = excluded.last_login_at, sequence = excluded.sequence, gone = excluded.gone, \
             search_key = excluded.search_key, search_names = excluded.search_names"
        );
        let searched: Vec<Searched> = rows.iter().map(UserRow::searched).collect();
        sqlx::query(&statement)
            .bind(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.full_name.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.email.as_deref()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| json_texts(&row.roles)).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.created_at).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.updated_at).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.last_login_at).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.sequence).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.gone).collect::<Vec<_>>())
            .bind(
                searched
                    .iter()
                    .map(|searched| searched.key.as_str())
                    .collect::<Vec<_>>(),
            )
            .bind(
                searched
                    .iter()
                    .map(|searched| searched.names.to_text())
                    .collect::<Vec<_>>(),
            )
            .execute(tx)
            .await?;
        Ok(())
    }
}
