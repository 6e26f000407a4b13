//! The users table: how rows are written.

use sqlx::PgConnection;

use super::row::UserRow;
use crate::Generation;
use crate::row::copy::CopyRows;
use crate::row::{Table, json_texts};

impl Table for UserRow {
    const NAME: &'static str = "users";
    const COLUMNS: &'static str =
        "id, full_name, name_words, email, roles, created_at, updated_at, last_login_at, sequence, gone";

    fn copy(&self, rows: &mut CopyRows) -> Result<(), sqlx::Error> {
        rows.row(10)
            .field(self.id.as_str())?
            .field(self.full_name.as_str())?
            .field(&self.name_words)?
            .field(self.email.as_deref())?
            .field(&self.roles)?
            .field(self.created_at)?
            .field(self.updated_at)?
            .field(self.last_login_at)?
            .field(self.sequence)?
            .field(self.gone)?;
        Ok(())
    }

    async fn store(tx: &mut PgConnection, generation: &Generation, rows: &[Self]) -> Result<(), sqlx::Error> {
        let statement = format!(
            "INSERT INTO {generation}.users \
             (id, full_name, name_words, email, roles, created_at, updated_at, last_login_at, sequence, gone) \
             SELECT id, full_name, ARRAY(SELECT json_array_elements_text(name_words::json)), email, \
             ARRAY(SELECT json_array_elements_text(roles::json)), created_at, updated_at, last_login_at, sequence, gone \
             FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], \
             $7::timestamptz[], $8::timestamptz[], $9::bigint[], $10::boolean[]) \
             AS new (id, full_name, name_words, email, roles, created_at, updated_at, last_login_at, sequence, gone) \
             ON CONFLICT (id) DO UPDATE SET full_name = excluded.full_name, name_words = excluded.name_words, \
             email = excluded.email, roles = excluded.roles, created_at = excluded.created_at, \
             updated_at = excluded.updated_at, last_login_at = excluded.last_login_at, sequence = excluded.sequence, \
             gone = excluded.gone"
        );
        sqlx::query(&statement)
            .bind(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.full_name.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| json_texts(&row.name_words)).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.email.as_deref()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| json_texts(&row.roles)).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.created_at).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.updated_at).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.last_login_at).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.sequence).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.gone).collect::<Vec<_>>())
            .execute(tx)
            .await?;
        Ok(())
    }
}
